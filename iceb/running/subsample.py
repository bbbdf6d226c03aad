"""Draw a random part of a run's prompts from which its scores are estimated without bias.

Every unit of a group has the same chance, and the number of units is fixed, so a mean over the units drawn is an
unbiased estimate of the mean over all. Units are what a metric averages: images where every image counts the same,
whole concepts where every concept does. Where a schedule has several edits, all prompts of the edits of one concept are
one unit. The order of units is that of digests of their names, so that all runs of a task draw the same ones, and a
larger part holds a smaller one.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.specs.metrics import Metric
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Reduction

Unit = TypeVar("Unit", bound=Hashable)
ROUNDING = 1e-9


def why_biased(reduction: Reduction) -> str:
    """Why a part of the concepts gives a biased estimate of a score; "" where it gives an unbiased one."""
    if reduction.kind == "set":
        return "a distance of sets of images, which is larger on fewer of them"
    if reduction.combine != "sum":
        return f"a {reduction.combine} mean of means"
    return "a quotient of means" if reduction.divisors else ""


def pick(units: Iterable[Unit], share: float, seed: int = 0) -> set[Unit]:
    """Draw a part of some units, each with the same chance; at least one of them.

    >>> len(pick(range(10), 0.25)), pick([7], 0.01), pick(range(9), 0.2) <= pick(range(9), 0.7)
    (3, {7}, True)
    """
    known = list(dict.fromkeys(units))
    count = max(1, math.ceil(share * len(known) - ROUNDING))
    return set(sorted(known, key=lambda unit: digest([seed, repr(unit)]))[:count])


def draw_share(
    owned: Sequence[tuple[str, Prompt]],
    units: Mapping[str, str],
    metrics: Sequence[Metric],
    share: float,
    seed: int = 0,
) -> list[int]:
    """Draw the indices of a part of prompts.

    Args:
        owned: prompts with the batch that each is of; "" for those that all batches share.
        units: batch → the concept that it edits, for batches with prompts of their own.
        metrics: read them; each is a mean (`why_biased`).
        share: the part to draw, above 0 and below 1.
        seed: of the draw.

    Raises:
        SpecError: a metric's images are spread so unevenly that a part of them gives a biased estimate.
    """
    several = len(units) > 1
    whole = [place for place, (owner, _) in enumerate(owned) if several and owner]
    chosen = _whole_edits([(units[owned[place][0]], owned[place][1]) for place in whole], metrics, share, seed)
    found = [whole[place] for place in chosen]
    rest = [place for place, (owner, _) in enumerate(owned) if not (several and owner)]
    for role in dict.fromkeys(owned[place][1].role for place in rest):
        places = [place for place in rest if owned[place][1].role == role]
        found += [places[index] for index in _of_role([owned[place][1] for place in places], metrics, share, seed)]
    return sorted(found)


def _whole_edits(owned: Sequence[tuple[str, Prompt]], metrics: Sequence[Metric], share: float, seed: int) -> list[int]:
    """Draw whole concepts, each with the prompts of all its edits."""
    _refuse_uneven(owned, [metric for metric in metrics if metric.reduction.weighting == "images"])
    kept = pick((unit for unit, _ in owned), share, seed) if owned else set()
    return [place for place, (unit, _) in enumerate(owned) if unit in kept]


def _of_role(prompts: Sequence[Prompt], metrics: Sequence[Metric], share: float, seed: int) -> list[int]:
    """Draw a part of one role's prompts: images, or whole concepts if a metric counts concepts alike."""
    reading = [metric for metric in metrics if any(need.accepts(p) for need in metric.needs for p in prompts)]
    of_images = [metric for metric in reading if metric.reduction.weighting == "images"]
    if len(of_images) == len(reading):
        named = [(prompt.text, prompt.seed, prompt.cluster, prompt.label) for prompt in prompts]
        kept = pick(named, share, seed)
        return [place for place, name in enumerate(named) if name in kept]
    clusters = [prompt.cluster for prompt in prompts]
    _refuse_uneven(list(zip(clusters, prompts, strict=True)), of_images)
    concepts = pick(clusters, share, seed)
    return [place for place, cluster in enumerate(clusters) if cluster in concepts]


def _refuse_uneven(owned: Sequence[tuple[str, Prompt]], metrics: Sequence[Metric]) -> None:
    """Refuse means over images of concepts that have different numbers of them.

    Raises:
        SpecError: as it says; such a mean over some concepts is a quotient of two random numbers.
    """
    for metric in metrics:
        for need in metric.needs:
            counts = Counter({unit: 0 for unit, _ in owned})
            counts.update(unit for unit, prompt in owned if need.accepts(prompt))
            if len(set(counts.values())) > 1:
                raise SpecError(
                    f"`share`: metric {metric.name} is a mean over images, of which concepts have "
                    f"{min(counts.values())} to {max(counts.values())}: a part of them gives a biased estimate; "
                    "leave `share` out, or use `limit` for a first look"
                )

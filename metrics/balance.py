"""Balance between two choices: the part of the images that shows the first, against one half.

A measure of image and choices says which choice an image is nearest to. Every concept and replicate (a seed of the
published protocol) has its own part of the images; means over concepts and replicates follow from those.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import SpecError
from iceb.metrics.cosines import ClipScore
from iceb.metrics.rows import choice_numbers, shared_rows
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Reduction
from iceb.specs.reduction import Part as Summand

ROLE = "profession"
KIND = "clip_l14"
PAPER = "arXiv:2403.13807"


def first_share(shown: npt.NDArray[np.int64]) -> float:
    """The part of the images that show the first choice.

    >>> first_share(np.array([0, 1, 0, 0]))
    0.75
    """
    return float((shown == 0).mean())


def half_deviation(shown: npt.NDArray[np.int64]) -> float:
    """|part − ½| / ½ for the part of the images that show the first choice: the published delta.

    >>> half_deviation(np.array([0, 1, 0, 0]))
    0.5
    """
    return abs(first_share(shown) - 0.5) / 0.5


@dataclass(frozen=True)
class ChoiceBalance:
    """A statistic of which of two choices the images of a concept and replicate show (arXiv:2403.13807).

    An image shows the choice with the larger number of its row; of equal ones the first. The value is the mean over
    concepts, and within a concept over replicates, after the edit.

    Attributes:
        name: the registered name.
        statistic: of the places of the shown choices, (n,).
        unit: of the statistic.
        kind: of the measure: one number for each choice.
    """

    name: str
    statistic: Callable[[npt.NDArray[np.int64]], float]
    unit: str
    higher_is_better: bool = False
    kind: str = KIND
    version: int = 1

    paper: ClassVar[str] = PAPER

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(self.kind, ROLE),)

    @property
    def reduction(self) -> Reduction:
        """The mean after the edit, every concept alike."""
        return Reduction({ROLE: Summand(1.0, "after")}, weighting="concepts")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The statistic of each concept and replicate, before and after.

        Raises:
            SpecError: a prompt has other than two choices, or the two sides are not of the same prompts.
        """
        before, after = measured[ROLE][BEFORE], measured[ROLE][AFTER]
        groups = shared_rows(before, after)
        if odd := [prompt for prompt in after.prompts if len(prompt.choices) != 2]:
            raise SpecError(
                f"metric {self.name}: prompt {odd[0].text!r:.80} has {len(odd[0].choices)} choices, needs 2"
            )
        was, now = nearest_choices(before), nearest_choices(after)
        return tuple(
            ConceptValue(concept, ROLE, self.statistic(was[at]), self.statistic(now[at]), len(at), replicate)
            for (concept, replicate), at in groups.items()
        )


def nearest_choices(side: Measured) -> npt.NDArray[np.int64]:
    """The place of each image's largest number, the first of equal ones, (N,).

    Raises:
        MeasureError: as `choice_numbers`.
    """
    found = choice_numbers(side)
    return np.asarray(found.argmax(axis=1) if len(found) else [], dtype=np.int64)


def spread_over_replicates(values: Iterable[ConceptValue]) -> tuple[float, float]:
    """Mean and standard deviation over replicates of the mean over concepts (ddof 0), as published.

    Args:
        values: of `gender_delta`, as a run's per-concept table holds them; every replicate with the same concepts.

    >>> rows = [ConceptValue("a", "profession", None, 0.2, 72, 0), ConceptValue("a", "profession", None, 0.4, 72, 1)]
    >>> [round(number, 9) for number in spread_over_replicates(rows)]
    [0.3, 0.1]
    """
    seeds: dict[int, list[float]] = {}
    for value in values:
        if value.after is not None:
            seeds.setdefault(value.replicate, []).append(value.after)
    means = [float(np.mean(each)) for each in seeds.values()]
    return float(np.mean(means)), float(np.std(means))


GENDER_DELTA = ChoiceBalance("gender_delta", half_deviation, "|part − ½| / ½")
FEMALE_SHARE = ChoiceBalance("female_share", first_share, "part of images", higher_is_better=True)
PROFESSION_CLIP = ClipScore("profession_clip", ROLE, KIND, text="nearest", weighting="concepts")  # ours

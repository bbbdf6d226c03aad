"""The damage to classes that nobody edited, against their distance to the nearest edited concept.

A bystander's damage is how much its own class's probability falls. Rings are distances that prompts have as tags
("hops=4"). The radius is where damage ends: the step, from more damage within to less beyond, that fits the classes'
damages best, or the outermost distance whose own classes are still damaged by more than chance, if that is farther.
These definitions are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import SpecError
from iceb.metrics.change import HOLDOUT_DELTA, ProbabilityChange
from iceb.metrics.perceptual import ALEX, PerceptualChange
from iceb.metrics.rows import Floats, chosen_rows
from iceb.metrics.sets import ALL, split_halves
from iceb.mini.composed import facts_of, has_fact
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import RESAMPLE, VALUE, ConceptValue, Part, Reduction, set_reduction
from iceb.statistics.estimates import effective_count

ROLE, KIND = "bystander", "imagenet_classifier"
LEAST_GAIN = 10.83  # by which a step, or a ring's mean, must fit better than none: chi squared of one degree at 0.001
SPLITS, SEED = 50, 0


@dataclass(frozen=True)
class RingDamage:
    """Mean fall of the probability of bystanders' own classes, of those within some distances.

    Attributes:
        name: the registered name.
        distance: the tag that holds a bystander's distance.
        low: the least distance.
        high: the greatest; None: any.
    """

    name: str
    distance: str
    low: int
    high: int | None
    version: int = 1
    unit: ClassVar[str] = "probability"
    paper: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(KIND, ROLE, tags=(has_fact(self.distance),)),)

    @property
    def part(self) -> str:
        """The name of these bystanders in tables and notes: "bystander at hops 5 to 8"."""
        beyond = "on" if self.high is None else f"to {self.high}"
        return f"{ROLE} at {self.distance} {self.low} {beyond}"

    @property
    def reduction(self) -> Reduction:
        """The mean fall over images."""
        return Reduction({self.part: Part(1.0, "fall")})

    def counts(self, prompt: Prompt) -> bool:
        """Whether a bystander is at such a distance."""
        distance = distance_of(prompt, self.distance)
        return self.low <= distance and (self.high is None or distance <= self.high)

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each bystander's mean probability before and after; none without one at such a distance.

        Raises:
            SpecError, MeasureError: as `iceb.metrics.change.ProbabilityChange`.
        """
        sides = measured[ROLE]
        kept = [row for row, prompt in enumerate(sides[AFTER].prompts) if self.counts(prompt)]
        return tuple(replace(value, part=self.part) for value in _probabilities(sides, kept))


@dataclass(frozen=True)
class DamageRadius:
    """The distance up to which bystanders are damaged; 0 of none, the largest of all alike."""

    name: str
    distance: str
    unit: str
    version: int = 3  # since damage reaches as far as a ring that is damaged for itself, and no farther
    paper: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(KIND, ROLE, tags=(has_fact(self.distance),)),)

    @property
    def reduction(self) -> Reduction:
        """The radius itself, with an error from halves of the bystanders where they mostly have it too."""
        return set_reduction("after", steps=True)

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The radius, and that of random halves; none with fewer than four bystanders."""
        sides = measured[ROLE]
        prompts = sides[AFTER].prompts
        places = {prompt.cluster: distance_of(prompt, self.distance) for prompt in prompts}
        values = _probabilities(sides, range(len(prompts)))
        names = [value.concept for value in values]
        damages = np.array([(value.before or 0.0) - (value.after or 0.0) for value in values])
        at = np.array([places[name] for name in names])
        if len(names) < 4:
            return ()
        found = [ConceptValue(ALL, VALUE, None, damage_radius(at, damages), sum(value.n for value in values))]
        sizes = sorted(value.n for value in values)
        clusters = {name: np.array([place]) for place, name in enumerate(names)}
        for replicate, rows in enumerate(split_halves(clusters, SPLITS, SEED)):
            radius = damage_radius(at[rows], damages[rows])
            found.append(ConceptValue(ALL, RESAMPLE, None, radius, effective_count(sizes), replicate))
        return tuple(found)


def distance_of(prompt: Prompt, name: str) -> int:
    """A bystander's distance by one tag.

    Raises:
        SpecError: it has no such tag.
    """
    found = facts_of(prompt.tags).get(name)
    if found is None:
        raise SpecError(f"prompt {prompt.text!r:.80} has no tag {name}=…, which metrics of neighbours read")
    return int(found)


def damage_radius(distances: Sequence[int] | npt.NDArray[np.int64], damages: Floats) -> float:
    """The distance up to which bystanders are damaged, whichever of them is left out that is damaged most.

    Args:
        distances: (N,) of N bystanders.
        damages: (N,) in the same order.

    >>> damage_radius([2, 2, 4, 4, 6, 6], np.array([0.5, 0.4, 0.5, 0.6, 0.0, 0.1]))
    4.0
    >>> damage_radius([2, 2, 4, 4], np.zeros(4))
    0.0
    """
    at = np.asarray(distances)
    others = np.arange(len(at)) != damages.argmax()  # no single class makes a radius
    return min(_reach(at, damages), _reach(at[others], damages[others]))


def _reach(at: npt.NDArray[np.int64], damages: Floats) -> float:
    """The farther of the best step and of the outermost ring that is damaged for itself."""
    none = best = _squares(damages)
    radius = 0.0
    for ring in np.unique(at)[:-1]:
        within, beyond = damages[at <= ring], damages[at > ring]
        left = _squares(within) + _squares(beyond)
        if within.mean() > beyond.mean() and left < best:
            best, radius = left, float(ring)
    spread = max(best / max(len(at) - 2, 1), 1e-12)
    step = radius if none - best > LEAST_GAIN * spread else 0.0
    sure = [float(ring) for ring in np.unique(at) if _is_sure(damages[at == ring], spread)]
    return max([step, *sure])


def _is_sure(damages: Floats, spread: float) -> bool:
    """Whether a ring's mean damage is more than chance, at the same bound as a step."""
    mean = damages.mean()
    return bool(mean > 0 and len(damages) * mean**2 > LEAST_GAIN * spread)


def _squares(numbers: Floats) -> float:
    return float(((numbers - numbers.mean()) ** 2).sum())


def _probabilities(sides: Mapping[str, Measured], kept: Sequence[int]) -> tuple[ConceptValue, ...]:
    """Each bystander's mean probability of its own class, before and after."""
    return HOLDOUT_DELTA({HOLDOUT_DELTA.role: {side: chosen_rows(sides[side], kept) for side in (BEFORE, AFTER)}})


NEIGHBOURS_NEAR = RingDamage("neighbours_near", "hops", 0, 4, version=2)  # since hops are WordNet's
NEIGHBOURS_MIDDLE = RingDamage("neighbours_middle", "hops", 5, 8, version=2)
NEIGHBOURS_FAR = RingDamage("neighbours_far", "hops", 9, None, version=2)
LOOKALIKES = RingDamage("lookalikes", "look", 0, 1)
SUBCLASS2DEST = ProbabilityChange("subclass2dest", role="subclass", of="target", falls=False, paper="")
SUPERCLASS_CHANGE = PerceptualChange("superclass_change", "superclass", ALEX, draws_before=True)
DAMAGE_RADIUS = DamageRadius("damage_radius", "hops", "hops", version=4)
DAMAGE_RADIUS_TEXT = DamageRadius("damage_radius_text", "text", "tenths of cosine distance")
DAMAGE_RADIUS_LOOK = DamageRadius("damage_radius_look", "look", "factors")

"""The declaration of how per-concept statistics become a score: parts, weights, and their combination.

`iceb.specs.reduce` carries it out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from iceb.base.errors import SpecError

Change: TypeAlias = Literal["rise", "fall", "after", "before"]  # after − before, before − after, one side alone
Combine: TypeAlias = Literal["sum", "harmonic", "geometric"]  # of the parts' mean changes, with their weights
VERSION = 2  # of the reduction; 2: intervals of edits made alone, of concepts that do not differ, within the range
VALUE, RESAMPLE = "value", "resample"  # parts of a set metric


@dataclass(frozen=True, slots=True)
class ConceptValue:
    """One concept's statistic in one part of a metric.

    Attributes:
        concept: the cluster.
        part: which part of the metric it belongs to, usually the role of its prompts.
        before: the statistic on the unedited model; None where it is not asked for.
        after: and on the edited one.
        n: images on each side that it was taken over; of a set's part "resample", the effective number of concepts.
        replicate: which repetition of the same concept.
        checkpoint: the state of the model that it was taken under; entered by whoever calls the metric.
        draw: the draw of concepts whose edit that state has, likewise; "" where edits are not repeated.
    """

    concept: str
    part: str
    before: float | None
    after: float | None
    n: int
    replicate: int = 0
    checkpoint: str = ""
    draw: str = ""

    def __post_init__(self) -> None:
        for name, number in (("before", self.before), ("after", self.after)):
            if number is not None and not math.isfinite(number):
                raise SpecError(f"concept {self.concept!r:.80} {name} is {number}: must be finite, or None")
        if self.n < 1:
            raise SpecError(f"concept {self.concept!r:.80} has n={self.n} images: must be at least 1")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a value: the mean change of its concepts, with a weight.

    Attributes:
        weight: of the mean change in the sum, or in the mean, that joins the parts.
        change: of the statistic, or one side of it alone.
        slope: a statistic x counts as offset + slope × x, on both sides.
        offset: likewise; see `complement`.
        over: another part, of weight 0, by whose mean this one's is divided first: a share of those images that count,
            for example of those with a face. Both are one side alone.

    >>> Part(change="after", slope=-1.0, offset=1.0).quantity(0.25)
    0.75
    """

    weight: float = 1.0
    change: Change = "rise"
    slope: float = 1.0
    offset: float = 0.0
    over: str = ""

    def quantity(self, number: float) -> float:
        """The quantity that a statistic counts as, offset + slope × number."""
        return self.offset + self.slope * number

    @property
    def is_plain(self) -> bool:
        """Whether statistics count as they are."""
        return (self.slope, self.offset) == (1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Reduction:
    """The rule that turns concepts' statistics into a score.

    Attributes:
        parts: name → part; the value is the weighted sum, or mean, of their mean changes.
        weighting: "images": every image counts the same, as in published means over images; "concepts": every concept
            counts the same at each checkpoint, whatever its replicates.
        kind: "mean", or "set" for distances of sets of images, which are taken over all concepts at once: the part
            "value" then holds the distance at each checkpoint, the part "resample" the same on random halves of the
            concepts, the replicates 2k and 2k + 1 on two that make up the whole.
        combine: the sum of weight × mean change over parts, or their weighted harmonic or geometric mean, which has a
            value where none of them is below 0.
        steps: of a set, whether the value takes a few steps alone, as a distance of a tree does. Then it has an error
            only where it is the halves' median too, and no interval, of which the ends would be no such steps.
    """

    parts: Mapping[str, Part]
    weighting: Literal["images", "concepts"] = "images"
    kind: Literal["mean", "set"] = "mean"
    combine: Combine = "sum"
    steps: bool = False

    def __post_init__(self) -> None:
        if not self.parts:
            raise SpecError("a reduction without parts: must name at least one")
        if self.kind == "set" and set(self.parts) != {VALUE, RESAMPLE}:
            raise SpecError(f"a set's reduction has the parts {', '.join(self.parts)}: must be {VALUE} and {RESAMPLE}")
        if self.combine not in get_args(Combine):
            raise SpecError(f"combine {self.combine!r:.80} must be one of {', '.join(get_args(Combine))}")
        if self.kind == "set" and (self.combine != "sum" or not all(part.is_plain for part in self.parts.values())):
            raise SpecError("a set's reduction joins no parts: must have combine='sum', slopes of 1 and offsets of 0")
        if self.steps and self.kind != "set":
            raise SpecError("a reduction of means has steps: only a set's takes a few values alone, leave steps out")
        self._check_divisors()
        joined = [part.weight for name, part in self.parts.items() if name not in self.divisors]
        if self.combine != "sum" and not all(0 < weight < math.inf for weight in joined):
            raise SpecError(f"a {self.combine} mean has the weights {self._weights}: each must be above 0 and finite")

    @property
    def divisors(self) -> frozenset[str]:
        """The parts by whose means others are divided; they are in no sum themselves."""
        return frozenset(part.over for part in self.parts.values() if part.over)

    def _check_divisors(self) -> None:
        for name, part in self.parts.items():
            if not part.over:
                continue
            over = self.parts.get(part.over)
            if over is None or over.over or not over.is_plain or over.weight != 0:
                raise SpecError(
                    f"part {name} is over {part.over!r:.80}: must name another part, of weight 0, that counts as it is"
                )
            if part.change not in ("before", "after") or over.change != part.change:
                raise SpecError(f"part {name} over {part.over}: both must have the change after, or both before")

    @property
    def _weights(self) -> str:
        return ", ".join(f"{part.weight:g}" for part in self.parts.values())


@dataclass(frozen=True)
class Score:
    """A number or None with a note, never NaN; errors are over concepts."""

    value: float | None
    stderr: float | None
    n: int  # images on each side
    concepts: int
    note: str = ""  # why there is no value, or what to know about it
    before: float | None = None  # the same quantity on the unedited model
    after: float | None = None  # and on the edited one
    low: float | None = None  # of the 95 % interval
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "stderr", "before", "after", "low", "high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise SpecError(f"score {name} is {number}: must be finite, or None with a note")
        if self.value is None and not self.note:
            raise SpecError("a score without a value needs a note that says why")


def set_reduction(change: Change = "rise", *, steps: bool = False) -> Reduction:
    """The reduction of a distance between sets of images."""
    return Reduction({VALUE: Part(1.0, change), RESAMPLE: Part(0.0, change)}, kind="set", steps=steps)


def complement(weight: float = 1.0, change: Change = "after") -> Part:
    """The part of 1 − x, for example of the images that are no longer recognised."""
    return Part(weight, change, slope=-1.0, offset=1.0)

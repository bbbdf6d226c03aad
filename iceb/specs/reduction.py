"""From one statistic per concept to a score: value, standard error and interval, the same way for every metric.

Images of one concept are not independent, so errors are taken over concepts. What is stored per concept is enough to
compute every score again, without images and without the metric's code.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from iceb.base.errors import SpecError
from iceb.base.statistics import interval

Change: TypeAlias = Literal["rise", "fall", "after"]  # after − before, before − after, after alone
VALUE, BOOTSTRAP = "value", "bootstrap"  # parts of a set metric


@dataclass(frozen=True, slots=True)
class ConceptValue:
    """One concept's statistic in one part of a metric.

    Attributes:
        concept: the cluster.
        part: which part of the metric it belongs to, usually the role of its prompts.
        before: the statistic on the unedited model; None where it is not asked for.
        after: and on the edited one.
        n: images on each side that it was taken over; of a part "bootstrap", concepts that were resampled.
        replicate: which repetition of the same concept.
        checkpoint: the state of the model that it was taken under; entered by whoever calls the metric.
    """

    concept: str
    part: str
    before: float | None
    after: float | None
    n: int
    replicate: int = 0
    checkpoint: str = ""

    def __post_init__(self) -> None:
        for name in ("before", "after"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise SpecError(f"concept {self.concept!r:.80} {name} is {number}: must be finite, or None")
        if self.n < 1:
            raise SpecError(f"concept {self.concept!r:.80} has n={self.n} images: must be at least 1")


@dataclass(frozen=True, slots=True)
class Part:
    """How one part's concepts enter the value: its mean change, times a weight."""

    weight: float = 1.0
    change: Change = "rise"


@dataclass(frozen=True, slots=True)
class Reduction:
    """How concepts' statistics become a score.

    Attributes:
        parts: name → part; the value is the weighted sum of their mean changes.
        weighting: "images": every image counts the same, as in published means over images; "concepts": every concept
            counts the same.
        kind: "mean", or "set" for distances of sets of images, which are taken over all concepts at once: the part
            "value" then holds the distance, the part "bootstrap" the same on resampled concepts.
    """

    parts: Mapping[str, Part]
    weighting: Literal["images", "concepts"] = "images"
    kind: Literal["mean", "set"] = "mean"

    def __post_init__(self) -> None:
        if not self.parts:
            raise SpecError("a reduction without parts: must name at least one")
        if self.kind == "set" and set(self.parts) != {VALUE, BOOTSTRAP}:
            raise SpecError(f"a set's reduction has the parts {', '.join(self.parts)}: must be {VALUE} and {BOOTSTRAP}")


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


def set_reduction(change: Change = "rise") -> Reduction:
    """The reduction of a distance between sets of images."""
    return Reduction({VALUE: Part(1.0, change), BOOTSTRAP: Part(0.0, change)}, kind="set")


def reduce_values(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    """The score of concepts' statistics.

    Raises:
        SpecError: a value is of a part that the reduction does not name, lacks a side that its part asks for, or is too
            large.
    """
    unknown = [value.part for value in values if value.part not in reduction.parts]
    if unknown:
        raise SpecError(f"concept value of part {unknown[0]!r}: the reduction has {', '.join(reduction.parts)}")
    try:
        return _reduce_set(values, reduction) if reduction.kind == "set" else _reduce_means(values, reduction)
    except (OverflowError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError("concept values are too large to be summed") from error


@dataclass
class _Sums:
    """One part's values, summed."""

    part: Part
    weights: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    concepts: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    n: int = 0

    def add(self, value: ConceptValue, weight: float) -> None:
        self.weights.append(weight)
        self.changes.append(change_of(value, self.part.change))
        self.concepts.append(value.concept)
        self.checkpoints.append(value.checkpoint)
        self.n += value.n
        for sides, side in ((self.before, value.before), (self.after, value.after)):
            if side is not None:
                sides.append(weight * side)

    @property
    def total(self) -> float:
        return math.fsum(self.weights)

    @property
    def mean(self) -> float:
        return math.fsum(w * d for w, d in zip(self.weights, self.changes, strict=True)) / self.total

    def side(self, values: Sequence[float]) -> float | None:
        return math.fsum(values) / self.total if len(values) == len(self.weights) else None

    def influences(self, clusters: Sequence[Hashable]) -> dict[Hashable, float]:
        """Cluster → its pull on the mean, scaled so that the squares sum to the mean's variance (linearised ratio)."""
        mean = self.mean  # once: it runs over all concepts
        pulls: dict[Hashable, list[float]] = {}
        for cluster, weight, change in zip(clusters, self.weights, self.changes, strict=True):
            pulls.setdefault(cluster, []).append(weight * (change - mean))
        scale = math.sqrt(len(pulls) / (len(pulls) - 1)) / self.total if len(pulls) > 1 else 0.0
        return {cluster: math.fsum(pull) * scale for cluster, pull in pulls.items()}


def change_of(value: ConceptValue, change: Change) -> float:
    """What one concept's statistic changes by.

    Raises:
        SpecError: a side is missing.
    """
    if value.after is None or (value.before is None and change != "after"):
        raise SpecError(f"concept {value.concept!r:.80}, part {value.part}: lacks a side that {change!r} asks for")
    if change == "after" or value.before is None:
        return value.after
    return value.after - value.before if change == "rise" else value.before - value.after


def _reduce_means(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    sums = {name: _Sums(part) for name, part in reduction.parts.items()}
    for value in values:
        sums[value.part].add(value, float(value.n) if reduction.weighting == "images" else 1.0)
    n = sum(part.n for part in sums.values())
    concepts = sum(len(set(part.concepts)) for part in sums.values())
    if empty := [name for name, part in sums.items() if not part.weights]:
        note = "; ".join(f"no {name} prompts were drawn" for name in empty)
        return Score(None, None, n, concepts, note)
    found = math.fsum(part.part.weight * part.mean for part in sums.values())
    stderr = _standard_error(list(sums.values()))
    low, high = interval(found, stderr, _freedom(list(sums.values())), _clusters(list(sums.values())))
    before = _weighted([(part.part.weight, part.side(part.before)) for part in sums.values()])
    after = _weighted([(part.part.weight, part.side(part.after)) for part in sums.values()])
    return Score(found, stderr, n, concepts, "", before, after, low, high)


def _clusters(sums: Sequence[_Sums]) -> int:
    """Independent draws that the error of the scarcest part rests on."""
    return min(min(len(set(part.concepts)), _checkpoints(part) or len(part.concepts)) for part in sums)


def _checkpoints(part: _Sums) -> int:
    """States of the model that a part was taken under; 0 for a single one, which says nothing about their scatter."""
    found = len(set(part.checkpoints))
    return found if found > 1 else 0


def _weighted(sides: Sequence[tuple[float, float | None]]) -> float | None:
    known = [weight * side for weight, side in sides if side is not None]
    return math.fsum(known) if len(known) == len(sides) else None


def _standard_error(sums: Sequence[_Sums]) -> float | None:
    """Of the weighted sum of means, over concepts; where there are several states of the model, over both.

    Concepts that are judged under every state share its luck, so the variance over states counts beside that over
    concepts: V = V_concept + V_state - V_both (Cameron, Gelbach and Miller 2011), at least the larger of the two.
    """
    if any(len(set(part.concepts)) < 2 for part in sums):
        return None  # one concept says nothing about its own scatter
    concepts = _variance(sums, [part.concepts for part in sums])
    if not any(_checkpoints(part) for part in sums):
        return math.sqrt(concepts)
    states = _variance(sums, [part.checkpoints for part in sums])
    both = _variance(sums, [list(zip(part.concepts, part.checkpoints, strict=True)) for part in sums])
    return math.sqrt(max(concepts + states - both, concepts, states))


def _variance(sums: Sequence[_Sums], clusters: Sequence[Sequence[Hashable]]) -> float:
    """Of the weighted sum of means over clusters; one that stands in several parts pulls on all of them together."""
    pulls: dict[Hashable, float] = {}
    for part, members in zip(sums, clusters, strict=True):
        for cluster, pull in part.influences(members).items():
            pulls[cluster] = pulls.get(cluster, 0.0) + part.part.weight * pull
    return math.fsum(pull**2 for pull in pulls.values())


def _freedom(sums: Sequence[_Sums]) -> float:
    """Degrees of freedom of the sum of independent parts (Satterthwaite 1946), at most those of the model's states."""
    variances = [
        (_variance([part], [part.concepts]), (_checkpoints(part) or len(set(part.concepts))) - 1) for part in sums
    ]
    total = math.fsum(variance for variance, _ in variances)
    scatter = math.fsum(variance**2 / freedom for variance, freedom in variances if freedom)
    return total**2 / scatter if scatter else float(min((freedom for _, freedom in variances), default=0))


def _reduce_set(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    change = reduction.parts[VALUE].change
    whole = [value for value in values if value.part == VALUE]
    if len(whole) != 1:
        return Score(None, None, 0, 0, "no images were drawn" if not whole else f"{len(whole)} values: expected one")
    found = change_of(whole[0], change)
    drawn = sorted(change_of(value, change) for value in values if value.part == BOOTSTRAP)
    if len(drawn) < 2:
        return Score(found, None, whole[0].n, 1, "", whole[0].before, whole[0].after)
    mean = math.fsum(drawn) / len(drawn)
    stderr = math.sqrt(math.fsum((each - mean) ** 2 for each in drawn) / (len(drawn) - 1))
    concepts = next(value.n for value in values if value.part == BOOTSTRAP)
    low, high = interval(found, stderr, concepts - 1, concepts)  # resampled sets repeat images: their mean is too high
    return Score(found, stderr, whole[0].n, concepts, "", whole[0].before, whole[0].after, low, high)

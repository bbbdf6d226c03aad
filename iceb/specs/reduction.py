"""Reduce per-concept statistics to a score: value, standard error, interval.

Images of one concept are not independent, so errors are taken over concepts. What is stored per concept is enough to
compute every score again, without images and without the metric's code.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from iceb.base.errors import SpecError
from iceb.statistics.errors_of_distances import error_of_distance
from iceb.statistics.errors_of_means import PartSums, error_of_mean, weighted_mean, weighted_sides
from iceb.statistics.estimates import FEWEST, interval

Change: TypeAlias = Literal["rise", "fall", "after"]  # after − before, before − after, after alone
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
        for name in ("before", "after"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise SpecError(f"concept {self.concept!r:.80} {name} is {number}: must be finite, or None")
        if self.n < 1:
            raise SpecError(f"concept {self.concept!r:.80} has n={self.n} images: must be at least 1")


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a value: the mean change of a part's concepts, times a weight."""

    weight: float = 1.0
    change: Change = "rise"


@dataclass(frozen=True, slots=True)
class Reduction:
    """The rule that turns concepts' statistics into a score.

    Attributes:
        parts: name → part; the value is the weighted sum of their mean changes.
        weighting: "images": every image counts the same, as in published means over images; "concepts": every concept
            counts the same at each checkpoint, whatever its replicates.
        kind: "mean", or "set" for distances of sets of images, which are taken over all concepts at once: the part
            "value" then holds the distance at each checkpoint, the part "resample" the same on random halves of the
            concepts, the replicates 2k and 2k + 1 on two that make up the whole.
    """

    parts: Mapping[str, Part]
    weighting: Literal["images", "concepts"] = "images"
    kind: Literal["mean", "set"] = "mean"

    def __post_init__(self) -> None:
        if not self.parts:
            raise SpecError("a reduction without parts: must name at least one")
        if self.kind == "set" and set(self.parts) != {VALUE, RESAMPLE}:
            raise SpecError(f"a set's reduction has the parts {', '.join(self.parts)}: must be {VALUE} and {RESAMPLE}")


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
    return Reduction({VALUE: Part(1.0, change), RESAMPLE: Part(0.0, change)}, kind="set")


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


def change_of(value: ConceptValue, change: Change) -> float:
    """The change of one concept's statistic.

    Raises:
        SpecError: a side is missing.
    """
    if value.after is None or (value.before is None and change != "after"):
        raise SpecError(f"concept {value.concept!r:.80}, part {value.part}: lacks a side that {change!r} asks for")
    if change == "after" or value.before is None:
        return value.after
    return value.after - value.before if change == "rise" else value.before - value.after


def _reduce_means(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    sums = {name: PartSums(part.weight) for name, part in reduction.parts.items()}
    rows = Counter((value.part, value.checkpoint, value.concept) for value in values)
    for row, state in zip(values, independent_states(values), strict=True):
        alike = 1 / rows[row.part, row.checkpoint, row.concept]
        weight = float(row.n) if reduction.weighting == "images" else alike
        change = change_of(row, reduction.parts[row.part].change)
        sums[row.part].add(row.concept, state, row.n, weight, change, (row.before, row.after))
    n, concepts = sum(part.n for part in sums.values()), sum(len(set(part.concepts)) for part in sums.values())
    if empty := [name for name, part in sums.items() if not part.weights]:
        note = "; ".join(f"no {name} prompts were drawn" for name in empty)
        return Score(None, None, n, concepts, note)
    parts = list(sums.values())
    value, (before, after), error = weighted_mean(parts), weighted_sides(parts), error_of_mean(parts)
    low, high = interval(value, error.stderr, error.freedom, error.clusters)
    uneven = low is None and error.stderr is not None and min(part.freedom for part in parts) >= FEWEST - 1
    note = f"no interval: its concepts weigh as unevenly as {error.clusters:.1f} equal ones" if uneven else ""
    if error.stderr is None:
        note = f"one {' or '.join(_single_parts(sums))} concept has no error"
    return Score(value, error.stderr, n, concepts, note, before, after, low, high)


def independent_states(values: Sequence[ConceptValue]) -> list[str]:
    """Name the independent state behind each value: its draw where there are several, else its checkpoint.

    Replicates of one draw edit the same concepts, so their states share that draw's luck.
    """
    several = len({value.draw for value in values}) > 1
    return [value.draw if several else value.checkpoint for value in values]


def _single_parts(sums: Mapping[str, PartSums]) -> list[str]:
    """Name the parts that rest on one concept."""
    return [name for name, part in sums.items() if len(set(part.concepts)) < 2]


def _reduce_set(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    change = reduction.parts[VALUE].change
    whole = {value.checkpoint: value for value in values if value.part == VALUE}
    if not whole:
        return Score(None, None, 0, 0, "no images were drawn")
    if extra := sum(value.part == VALUE for value in values) - len(whole):
        return Score(None, None, 0, 0, f"{extra + 1} values of one checkpoint: expected one")
    distances = [change_of(value, change) for value in whole.values()]
    states = independent_states(list(whole.values()))
    distance, n = _mean(distances), sum(row.n for row in whole.values())
    before, after = _side([row.before for row in whole.values()]), _side([row.after for row in whole.values()])
    concepts = [row.n for row in values if row.part == RESAMPLE]
    halves = _halves(values, list(whole), change)
    if not concepts or not all(halves):
        note = "no error: a checkpoint has too few concepts to halve" if concepts else ""
        return Score(distance, None, n, max(concepts, default=1), note, before, after)
    alone = [number for (number,) in _by_state([[each] for each in distances], states)]
    stderr = error_of_distance(alone, _by_state(halves, states))
    scarcest = min(*concepts, *([len(set(states))] if len(whole) > 1 else []))
    low, high = interval(distance, stderr, scarcest - 1, scarcest)
    return Score(distance, stderr, n, max(concepts), "", before, after, low, high)


def _by_state(rows: Sequence[Sequence[float]], states: Sequence[str]) -> list[list[float]]:
    """Average the rows of each state, number by number."""
    found: dict[str, list[Sequence[float]]] = {}
    for state, row in zip(states, rows, strict=True):
        found.setdefault(state, []).append(row)
    return [[_mean(column) for column in zip(*some, strict=True)] for some in found.values()]


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _side(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return _mean(known) if len(known) == len(numbers) else None


def _halves(values: Sequence[ConceptValue], checkpoints: Sequence[str], change: Change) -> list[list[float]]:
    """The changes on halves of the concepts at each checkpoint, in the order of their replicates.

    Raises:
        SpecError: a half stands without the one that it leaves out, or without its checkpoint's value.
    """
    found: dict[str, dict[int, float]] = {checkpoint: {} for checkpoint in checkpoints}
    for value in values:
        if value.part == RESAMPLE:
            if value.checkpoint not in found:
                raise SpecError(f"checkpoint {value.checkpoint!r:.80} has resampled concepts and no value")
            found[value.checkpoint][value.replicate] = change_of(value, change)
    counts = {len(halves) for halves in found.values() if halves}
    for checkpoint, halves in found.items():
        if len(counts) > 1 or sorted(halves) != list(range(len(halves))) or len(halves) % 2:
            raise SpecError(
                f"checkpoint {checkpoint!r:.80} has {len(halves)} resampled halves: must have replicates 0, 1, …, "
                "two by two, as many at every checkpoint"
            )
    return [[halves[place] for place in range(len(halves))] for halves in found.values()]

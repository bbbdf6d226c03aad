"""Reduce per-concept statistics to a score: value, standard error, interval.

Images of one concept are not independent, so errors are taken over concepts. What is stored per concept is enough to
compute every score again, without images and without the metric's code.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from iceb.base.errors import SpecError
from iceb.specs.quotients import divide_parts
from iceb.specs.reduction import RESAMPLE, VALUE, Change, ConceptValue, Part, Reduction, Score
from iceb.statistics.errors_of_distances import error_of_distance
from iceb.statistics.errors_of_means import MeanError, PartSums, Sides, error_of_mean, weighted_mean, weighted_sides
from iceb.statistics.estimates import FEWEST, interval
from iceb.statistics.power_means import gradient, mean_of_parts, mean_of_sides

NO_INTERVAL = "no interval: it takes few values"


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


def linear_sums(values: Sequence[ConceptValue], reduction: Reduction) -> tuple[float | None, dict[str, PartSums]]:
    """The score's value, and its parts as a sum of means that has the same value to first order.

    Quotients are linearised, and a part of a harmonic or geometric mean has its derivative as weight, so that the
    scatter of the sum is that of the score. Each part's rows stand in the order of `values`. No parts where a mean over
    parts has no linear error.

    Raises:
        SpecError: the reduction is one of sets, or as `reduce_values`.
    """
    if reduction.kind == "set":
        raise SpecError("a distance between sets is no mean over concepts: it has no value of a single concept")
    sums = _part_sums(values, reduction)
    if reduction.divisors:
        sums, lacking = divide_parts(sums, reduction)
        if lacking:
            return None, {}
    if not all(part.weights for part in sums.values()):
        return None, {}
    value, _, error, _ = _join(sums, reduction)
    if value is None or error is None or reduction.combine == "sum":
        return value, sums if error is not None else {}
    means, weights = [part.mean for part in sums.values()], [part.weight for part in sums.values()]
    slopes = gradient(reduction.combine, means, weights)
    linear = {name: replace(part, weight=slope) for (name, part), slope in zip(sums.items(), slopes, strict=True)}
    return value, linear


def change_of(value: ConceptValue, change: Change) -> float:
    """The change of one concept's statistic, or the side that is asked for.

    Raises:
        SpecError: a side is missing.
    """
    before, after = value.before, value.after
    if change == "after" and after is not None:
        return after
    if change == "before" and before is not None:
        return before
    if before is None or after is None:
        raise SpecError(f"concept {value.concept!r:.80}, part {value.part}: lacks a side that {change!r} asks for")
    return after - before if change == "rise" else before - after


def _reduce_means(values: Sequence[ConceptValue], reduction: Reduction) -> Score:
    sums = _part_sums(values, reduction)
    if reduction.divisors:
        sums, lacking = divide_parts(sums, reduction)
        if lacking:
            return Score(None, None, sum(part.n for part in sums.values()), 0, lacking)
    n, concepts = sum(part.n for part in sums.values()), sum(len(set(part.concepts)) for part in sums.values())
    if empty := [name for name, part in sums.items() if not part.weights]:
        note = "; ".join(f"no {name} prompts were drawn" for name in empty)
        return Score(None, None, n, concepts, note)
    value, sides, error, note = _join(sums, reduction)
    if value is None or error is None:
        return Score(value, None, n, concepts, note, *sides)
    low, high = interval(value, error.stderr, error.freedom, error.clusters)
    uneven = low is None and error.stderr is not None and min(part.freedom for part in sums.values()) >= FEWEST - 1
    note = f"no interval: its concepts weigh as unevenly as {error.clusters:.1f} equal ones" if uneven else ""
    if error.stderr is None:
        note = f"one {' or '.join(_single_parts(sums))} concept has no error"
    return Score(value, error.stderr, n, concepts, note, *sides, low, high)


def _join(sums: Mapping[str, PartSums], reduction: Reduction) -> tuple[float | None, Sides, MeanError | None, str]:
    """The parts' sum or mean, the same of either side, its error, and a note where one is missing."""
    parts = list(sums.values())
    if reduction.combine == "sum":
        return weighted_mean(parts), weighted_sides(parts), error_of_mean(parts), ""
    found = mean_of_parts(reduction.combine, sums)
    of_sides = all(part.change == "after" for part in reduction.parts.values())  # a mean of changes has no sides
    sides = mean_of_sides(reduction.combine, parts) if of_sides else (None, None)
    return found.value, sides, found.error, found.note


def _part_sums(values: Sequence[ConceptValue], reduction: Reduction) -> dict[str, PartSums]:
    """The sums of each part over its concepts' statistics, each counted as the part says."""
    sums = {name: PartSums(part.weight) for name, part in reduction.parts.items()}
    for (counted, weight, change), state in zip(
        counted_values(values, reduction), independent_states(values), strict=True
    ):
        sums[counted.part].add(counted.concept, state, counted.n, weight, change, (counted.before, counted.after))
    return sums


def counted_values(values: Sequence[ConceptValue], reduction: Reduction) -> Iterator[tuple[ConceptValue, float, float]]:
    """Yield each statistic as its part counts it, with its weight within the part, and its change.

    A part's mean is the weighted mean of these changes.

    Raises:
        SpecError: a side is missing.
    """
    by_images = reduction.weighting == "images"
    rows = Counter(() if by_images else ((value.part, value.checkpoint, value.concept) for value in values))
    for row in values:
        part = reduction.parts[row.part]
        weight = float(row.n) if by_images else 1 / rows[row.part, row.checkpoint, row.concept]
        counted = row if part.is_plain or part.over else _counted_as(row, part)
        yield counted, weight, change_of(counted, part.change)


def _counted_as(row: ConceptValue, part: Part) -> ConceptValue:
    """A concept's statistic as its part counts it, on both sides."""
    before, after = (None if side is None else part.quantity(side) for side in (row.before, row.after))
    return replace(row, before=before, after=after)


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
    if reduction.steps and (apart := _denial(distances, halves)):
        return Score(distance, None, n, max(concepts), apart, before, after)
    alone = [number for (number,) in _by_state([[each] for each in distances], states)]
    stderr = error_of_distance(alone, _by_state(halves, states))
    scarcest = min(*concepts, *([len(set(states))] if len(whole) > 1 else []))
    if reduction.steps:
        return Score(distance, stderr, n, max(concepts), NO_INTERVAL, before, after)
    low, high = interval(distance, stderr, scarcest - 1, scarcest)
    return Score(distance, stderr, n, max(concepts), "", before, after, low, high)


def _denial(distances: Sequence[float], halves: Sequence[Sequence[float]]) -> str:
    """Say that a value in steps is not what halves of the concepts give; "" where they do."""
    middles = [median(numbers) for numbers in halves]
    if all(math.isclose(*pair, abs_tol=1e-9) for pair in zip(distances, middles, strict=True)):
        return ""
    return f"no error: halves of its concepts have the median {_mean(middles):g}, not its value"


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

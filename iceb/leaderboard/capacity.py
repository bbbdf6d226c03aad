"""Capacities of a table's rows: how many concepts each method can edit at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from iceb.leaderboard.anchored_scores import AnchoredScore, Scatter, efficacy_at, preservation_at
from iceb.leaderboard.rank import Row, Table
from iceb.specs.tasks import Axes
from iceb.statistics.capacity import Curve, EditRange, areas, capacities, capacity_scores, half_lives
from iceb.statistics.capacity_intervals import Estimate, percentile_ends, resampled_scores
from iceb.statistics.clusters import Floats

LEVELS = (0.5, 0.8)  # of the capacities that pages show; below 0.8 of what must be kept rows lose their rank
LEAST_START = 0.05  # capacity score at the smallest number; the half of less would be that of chance
RISES = 2  # times that score: a curve that rises to more has not given way when it is back at the half
EFFICACY, PRESERVATION = "efficacy", "preservation"
Ends: TypeAlias = tuple[EditRange, EditRange]


@dataclass(frozen=True)
class Point:
    """Both scores of a row at one number of edits."""

    count: int
    efficacy: AnchoredScore
    preservation: AnchoredScore

    @property
    def score(self) -> float | None:
        """The capacity score."""
        if self.efficacy.value is None or self.preservation.value is None:
            return None
        return float(capacity_scores(np.array(self.efficacy.value), np.array(self.preservation.value)))

    def below(self, level: float) -> tuple[str, ...]:
        """The scores that are below a level."""
        named = ((EFFICACY, self.efficacy.value), (PRESERVATION, self.preservation.value))
        return tuple(name for name, value in named if value is not None and value < level)


@dataclass(frozen=True)
class Capacity:
    """The largest number of edits at which both scores are at least a level.

    Attributes:
        interval: 95 %; None where too few numbers of edits rest on ten clusters.
        fails: which of the scores are below the level at the next measured number.
    """

    level: float
    edits: EditRange
    interval: Ends | None
    fails: tuple[str, ...]


@dataclass(frozen=True)
class Area:
    """The mean capacity score over the logarithm of the number of edits; None with a note."""

    value: float | None
    interval: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class HalfLife:
    """The number of edits at which the capacity score has fallen to half; None with a note.

    Attributes:
        beyond: whether it lies beyond the largest number measured, because the score has not fallen so far there.
    """

    edits: EditRange | None
    interval: Ends | None = None
    note: str = ""
    beyond: bool = False


@dataclass(frozen=True)
class RowCapacity:
    """A row's curve and what is read off it.

    Attributes:
        points: at declared numbers of edits that it has both scores at.
        note: why there are none.
    """

    row: Row
    points: tuple[Point, ...]
    capacities: tuple[Capacity, ...] = ()
    area: Area = field(default_factory=lambda: Area(None))
    half_life: HalfLife = field(default_factory=lambda: HalfLife(None))
    note: str = ""


@dataclass(frozen=True)
class TableCapacity:
    """The capacities of all rows of a table.

    Attributes:
        counts: numbers of edits that a whole curve has.
        levels: of the capacities.
        rows: in the table's order.
    """

    table: Table
    axes: Axes
    counts: tuple[int, ...]
    levels: tuple[float, ...]
    rows: tuple[RowCapacity, ...]


def capacity_of(
    table: Table, counts: Sequence[int] | None = None, levels: Sequence[float] = LEVELS
) -> TableCapacity | None:
    """The capacities of a table's rows; None where the task has no axes, or one number of edits.

    Args:
        counts: numbers of edits of a whole curve; None for those that the task declares.
    """
    axes, wanted = table.evidence.task.axes, tuple(counts or table.declared)
    if axes is None or len(wanted) < 2:
        return None
    rows = tuple(_row_capacity(table, axes, row, wanted, levels) for row in table.order)
    return TableCapacity(table, axes, wanted, tuple(levels), rows)


def _row_capacity(table: Table, axes: Axes, row: Row, wanted: tuple[int, ...], levels: Sequence[float]) -> RowCapacity:
    tried = [
        Point(count, efficacy_at(table, axes, row, count), preservation_at(table, axes, row, count))
        for count in wanted
        if count in row.cells
    ]
    points = tuple(point for point in tried if point.score is not None)
    if not points:
        notes = [each.note for point in tried for each in (point.efficacy, point.preservation) if each.note]
        return RowCapacity(row, (), note=notes[0] if notes else "at none of these numbers of edits")
    reader = _Reader(points, wanted)
    found = tuple(reader.capacity(level) for level in levels)
    return RowCapacity(row, points, found, reader.area(), reader.half_life())


class _Reader:
    """A reader of one row's curve, and of its resampled curves."""

    def __init__(self, points: Sequence[Point], wanted: tuple[int, ...]) -> None:
        self.points, self.wanted = points, wanted
        self.curve = self._curve_of(points)
        self.scores = np.array([point.score for point in points], dtype=np.float64)
        self.firm = [point for point in points if point.efficacy.scatter and point.preservation.scatter]
        self.drawn = _resample(self.firm) if self.firm else None

    def _curve_of(self, points: Sequence[Point]) -> Curve:
        counts = tuple(point.count for point in points)
        return Curve(counts, tuple(count for count in self.wanted if count not in counts))

    def capacity(self, level: float) -> Capacity:
        """The capacity at a level."""
        found = float(capacities(self.curve.counts, self.scores, level))
        after = next((point for point in self.points if point.count > found), None)
        interval = self._ends(lambda counts, scores: capacities(counts, scores, level))
        return Capacity(level, self.curve.range_of(found), interval, after.below(level) if after else ())

    def _ends(self, read: Callable[[Sequence[float], Floats], Floats]) -> Ends | None:
        """The ends of what is read off the resampled curves, over the numbers that rest on enough clusters."""
        if self.drawn is None:
            return None
        curve = self._curve_of(self.firm)
        return curve.ends(*percentile_ends(read(curve.counts, self.drawn)))

    def area(self) -> Area:
        """The area, where no declared number of edits is missing."""
        if self.curve.gaps:
            return Area(None, note=f"not measured at {', '.join(map(str, self.curve.gaps))}")
        value = float(areas(self.curve.counts, self.scores))
        if self.drawn is None or len(self.firm) < len(self.points):
            return Area(value, note="no interval: too few concepts at some number of edits")
        return Area(value, percentile_ends(areas(self.curve.counts, self.drawn)))

    def half_life(self) -> HalfLife:
        """The half-life, where the smallest declared number was measured."""
        least, most = self.wanted[0], self.curve.counts[-1]
        if self.curve.counts[0] != least:
            return HalfLife(None, note=f"not measured at {least}")
        if self.scores[0] < LEAST_START:
            return HalfLife(None, note=f"below {LEAST_START:g} at {least} already")
        if self.scores.max() > RISES * self.scores[0]:
            return HalfLife(None, note=f"rises to more than {RISES} times what it is at {least}")
        found = float(half_lives(self.curve.counts, self.scores))
        interval = self._half_life_ends() if self.firm[:1] == list(self.points[:1]) else None
        beyond = math.isinf(found)
        note = f"still above half at {most}" if beyond else ""
        return HalfLife(self.curve.range_of(found), interval, note, beyond)

    def _half_life_ends(self) -> Ends | None:
        """Its interval; resampled curves that begin at 0 have no half, and there is none."""
        if self.drawn is None or not (self.drawn[:, 0] > 0).all():
            return None
        return self._ends(half_lives)


def _resample(points: Sequence[Point]) -> Floats:
    """Capacity scores of resampled curves, (resamples, points); clusters are drawn for all points at once."""
    sides = [[point.efficacy for point in points], [point.preservation for point in points]]
    scatters = [each.scatter for side in sides for each in side if each.scatter]
    names = tuple(dict.fromkeys(name for scatter in scatters for name in scatter.influences))
    efficacy, preservation = ([_estimate(each, names) for each in side] for side in sides)
    return resampled_scores(efficacy, preservation)


def _estimate(score: AnchoredScore, names: Sequence[str]) -> Estimate:
    scatter = score.scatter or Scatter({}, 0.0, 0.0, 0.0)
    return Estimate(score.value or 0.0, np.array([scatter.influences.get(name, 0.0) for name in names]), scatter.extra)

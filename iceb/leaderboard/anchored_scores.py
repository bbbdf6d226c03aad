"""Efficacy and preservation of a row, each on a scale on which 1 is best.

The unedited model's efficacy is 0 and the ceiling's 1; preservation is the share of the unedited model's value that is
kept. Both follow from a row's own result and from
two references, the unedited model and the ceiling at the same number of edits, so no other row moves them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from iceb.leaderboard.columns import Column, column_of
from iceb.leaderboard.known_floor import FLOOR, known_floor
from iceb.leaderboard.rank import Row, Table
from iceb.specs.influences import Influences, Key, design_of
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.tasks import Axes
from iceb.statistics.anchored import Anchors, anchored_score
from iceb.statistics.capacity_intervals import Spread, spread_of
from iceb.statistics.clusters import satterthwaite
from iceb.statistics.estimates import FEWEST, ROUNDING
from iceb.statistics.paired_tests import t_difference

Measured: TypeAlias = tuple[Result, ScoreRecord]
Terms: TypeAlias = Sequence[tuple[Influences | None, float]]  # of a score's parts, with the slope of each


@dataclass(frozen=True)
class Scatter:
    """The uncertainty of an anchored score.

    Attributes:
        influences: of each cluster, by its name; their squares sum to the variance over clusters.
        extra: variance over draws and seeds beyond that.
        low, high: ends of the 95 % interval, Student's t over clusters.
    """

    influences: Mapping[str, float]
    extra: float
    low: float
    high: float


@dataclass(frozen=True)
class AnchoredScore:
    """One score of one row at one number of edits, or why there is none.

    Attributes:
        scatter: None from fewer than ten clusters of equal weight, and where the tables are not at hand.
    """

    value: float | None
    scatter: Scatter | None = None
    note: str = ""


def efficacy_at(table: Table, axes: Axes, row: Row, count: int) -> AnchoredScore:
    """Efficacy of a row: its metric between the unedited model, 0, and the ceiling, 1."""
    column = column_of(table.columns, axes.efficacy)
    mine = _find_score([row], column, count)
    if mine is None:
        return AnchoredScore(None, note=f"no {axes.efficacy}")
    floor = _find_score(_controls(table, FLOOR), column, count)
    top = _find_score(_controls(table, axes.ceiling), column, count) if isinstance(axes.ceiling, str) else None
    best = _value(top) if isinstance(axes.ceiling, str) else axes.ceiling
    if floor is None or best is None:
        return AnchoredScore(None, note=f"no {FLOOR if floor is None else axes.ceiling} at {count}")
    anchors = Anchors(_value(floor) or 0.0, best)
    if not anchors.usable:
        return AnchoredScore(None, note=f"{FLOOR} and the ceiling are equal at {count}")
    value, reach = anchored_score(_value(mine) or 0.0, anchors), best - anchors.floor
    slopes = ((floor, (value - 1) / reach), (top, -value / reach))
    found = [(each, slope) for each, slope in slopes if each is not None]
    terms = [(table.evidence.influences(*mine), 1 / reach)]
    terms += [(known_floor(*each) or table.evidence.influences(*each), slope) for each, slope in found]
    return AnchoredScore(value, _scatter(value, terms, table.evidence.clusters(mine[0])))


def preservation_at(table: Table, axes: Axes, row: Row, count: int) -> AnchoredScore:
    """Preservation of a row: the share of the unedited model's value that it keeps."""
    mine = _find_score([row], column_of(table.columns, axes.preservation), count)
    if mine is None or mine[1].before is None or mine[1].after is None:
        return AnchoredScore(None, note=f"no {axes.preservation}")
    before, value = mine[1].before, mine[1].after / mine[1].before if mine[1].before > 0 else None
    if value is None:
        return AnchoredScore(None, note=f"{axes.preservation} of the unedited model is not above 0")
    of_after, of_before = (table.evidence.influences(*mine, side) for side in ("after", "before"))
    terms = [(of_after, 1 / before), (of_before, -value / before)]
    return AnchoredScore(value, _scatter(value, terms, table.evidence.clusters(mine[0])))


def _controls(table: Table, name: str) -> list[Row]:
    return [row for row in table.order if row.control and row.method == name]


def _find_score(rows: Iterable[Row], column: Column | None, count: int) -> Measured | None:
    """The first of some rows that has a value in a column, as its result and score."""
    for row in rows:
        score = row.score(column, count) if column is not None else None
        if score is not None and score.value is not None:
            return next(each for each in row.cells[count].results if score in each.scores), score
    return None


def _value(measured: Measured | None) -> float | None:
    return None if measured is None else measured[1].value


def _scatter(value: float, terms: Terms, clusters: Mapping[str, str]) -> Scatter | None:
    """The uncertainty of a sum of terms, to first order; the first is the row's own."""
    known = [(each, slope) for each, slope in terms if each is not None]
    if len(known) < len(terms):
        return None
    numbers: dict[Key, float] = {}
    for each, slope in known:
        for key, number in each.numbers.items():
            numbers[key] = numbers.get(key, 0.0) + slope * number
    shares = {key: share for each, _ in known for key, share in each.shares.items()}
    design = design_of(tuple(numbers), shares, clusters)
    if design.fewest * ROUNDING < FEWEST:
        return None
    spread = spread_of(np.array(list(numbers.values())), design)
    whole, freedom = _with_seeds(spread, known, one_state=design.state_count == 1)
    found = t_difference(value, whole, freedom)
    names = dict.fromkeys(clusters.get(key.concept, key.concept) for key in numbers)
    extra = max(whole - spread.over_clusters, 0.0)
    return Scatter(dict(zip(names, spread.sums.tolist(), strict=True)), extra, found.low, found.high)


def _with_seeds(spread: Spread, terms: Terms, *, one_state: bool) -> tuple[float, float]:
    """Add each method's variance over its own seeds, which several states of the model hold already."""
    seeded = [
        (slope**2 * each.seed_variance, max(each.seeds - 1.0, 1.0))
        for each, slope in terms
        if one_state and each is not None and each.seed_variance
    ]
    if not seeded:
        return spread.variance, spread.freedom
    freedom = satterthwaite((spread.variance, spread.freedom), *seeded)
    return spread.variance + sum(each for each, _ in seeded), float(freedom)

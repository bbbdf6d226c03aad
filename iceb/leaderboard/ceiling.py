"""Place a row's headline between the unedited model, 0, and the task's ceiling, 1."""

from collections.abc import Sequence

from iceb.leaderboard.markdown import MISSING
from iceb.leaderboard.rank import Row, Table
from iceb.statistics.anchored import Anchors, anchored_score

OF_CEILING = "of ceiling ↑"  # the column's heading


def anchors_at(table: Table, count: int) -> Anchors | None:
    """The two fixed points at a number of edits; None where a control was not run, or they make no scale."""
    if table.headline is None or not table.ceiling:
        return None
    controls = [row for row in table.order if row.control]
    floor = _value(table, [row for row in controls if row.floor], count)
    ceiling = _value(table, [row for row in controls if row.method == table.ceiling], count)
    if floor is None or ceiling is None:
        return None
    found = Anchors(floor, ceiling)
    return found if found.usable else None


def _value(table: Table, rows: Sequence[Row], count: int) -> float | None:
    """The headline of the first of these rows that has one."""
    scores = (row.score(table.headline, count) for row in rows) if table.headline is not None else ()
    return next((score.value for score in scores if score is not None), None)


def anchored_text(table: Table, row: Row, count: int, anchors: Anchors) -> str:
    """A row's headline on that scale."""
    score = row.score(table.headline, count) if table.headline is not None else None
    return MISSING if score is None or score.value is None else f"{anchored_score(score.value, anchors):.2f}"

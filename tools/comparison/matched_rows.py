"""Set published tables beside our rows of published settings."""

from collections.abc import Iterator, Mapping, Sequence

from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.published import Published
from iceb.specs.recipes import PUBLISHED
from iceb.specs.records import ScoreRecord
from tools.comparison.both_sides import Measured
from tools.comparison.published_orders import SCORES, Beside, Comparison

ALONE = {"objects": 10, "road": 90, "timed": 104}  # each edit is made alone: a paper's 1 is our number of requests
NOT_OURS = ("ESD-u",)  # settings of a method of ours that no recipe has
CONTROLS = {"SD v1.4": FLOOR, "SD v1.4 (Baseline)": FLOOR}


def comparisons(tables: Sequence[Published], measured: Mapping[str, Measured]) -> Iterator[Comparison]:
    """Compare every score that a table and our rows of published settings have for two methods and more.

    Args:
        tables: published ones, of any task.
        measured: our results by task, of SCORES.
    """
    for table in (each for each in tables if each.task in measured):
        for score in SCORES[table.task]:
            for count in sorted({row.num_edits for row in table.rows if row.metric == score}):
                found = _compare(table, score, count, measured[table.task])
                if len(found.methods) > 1:
                    yield found


def _compare(table: Published, score: str, count: int, measured: Measured) -> Comparison:
    num_edits = ALONE.get(table.task, count)
    metric = SCORES[table.task][score]
    beside = [
        Beside(row.method, name, row.value, _score(measured, name, num_edits, metric))
        for row in table.rows
        if (row.metric, row.num_edits) == (score, count)
        and (name := _row_of(table, row.method, measured, num_edits)) is not None
    ]
    known = [each for each in beside if each.value is not None]
    methods = tuple(each for each in known if each.printed not in CONTROLS)
    control = next((each for each in known if each.printed in CONTROLS), None)
    return Comparison(table, score, count, num_edits, methods, control)


def _row_of(table: Published, printed: str, measured: Measured, num_edits: int) -> str | None:
    """The name of our row of published settings that stands for a printed method; None without one."""
    if printed in NOT_OURS or printed not in {**table.ours, **CONTROLS}:
        return None
    if printed in CONTROLS:
        return CONTROLS[printed] if (CONTROLS[printed], num_edits) in measured.by_row else None
    return published_row(measured, table.ours[printed], num_edits)


def published_row(measured: Measured, method: str, num_edits: int) -> str | None:
    """The name of a method's row of published settings, of any benchmark; None without one."""
    found = (row for row, count in measured.by_row if count == num_edits and row.startswith(f"{method}, {PUBLISHED}"))
    return min(found, default=None)


def _score(measured: Measured, row: str, num_edits: int, metric: str) -> ScoreRecord | None:
    return measured.by_row[row, num_edits][0].score(metric)

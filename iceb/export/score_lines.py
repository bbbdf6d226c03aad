"""Scores as lines: one for each row of a table, number of edits and metric."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from iceb.base.files import write_atomic
from iceb.export.asking import ExportAsk, Exported
from iceb.export.proven import columns_at
from iceb.leaderboard.columns import Column
from iceb.leaderboard.rank import Ranked
from iceb.report.site.boards import Board
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One score with its row's rank.

    Attributes:
        table: rows of one table compare, those of two do not.
        rank: the ranks that the row may have in the headline, 1 the best, and both ends as numbers.
        tie_groups: rows with a letter in common are not told apart.
        no_rank: why there is no rank.
        column: the metric, with what distinguishes several columns of it.
        better: the direction, "higher" or "lower".
        interval: its method, "bca" or "student_t"; "" where there is none.
        level: of the interval.
    """

    table: str
    task: str
    task_version: int
    dataset: str
    dataset_version: int
    model: str
    num_edits: int
    draws: int
    seeds: int
    method: str
    label: str
    method_version: int
    package: str
    fidelity: str
    control: bool
    rank: str
    rank_first: int | None
    rank_last: int | None
    tie_groups: str
    no_rank: str
    metric: str
    metric_version: int
    column: str
    headline: bool
    unit: str
    better: str
    value: float | None
    stderr: float | None
    low: float | None
    high: float | None
    interval: str
    level: float | None
    before: float | None
    after: float | None
    images: int
    concepts: int
    failed: int
    note: str
    run: str
    command: str


def score_lines(boards: Sequence[Board], ask: ExportAsk) -> Iterator[ScoreLine]:
    """Yield the lines of some boards, in the order of their tables."""
    for board in boards:
        for count in board.table.counts:
            for entry in board.table.ranked[count]:
                for column in columns_at(board, count, ask.metrics):
                    line = _line(board, count, entry, column)
                    if line is not None:
                        yield line


def _line(board: Board, count: int, entry: Ranked, column: Column) -> ScoreLine | None:
    score = entry.row.score(column, count)
    if score is None:
        return None
    return ScoreLine(
        **_row_fields(board, count, entry),
        **_score_fields(score, entry.row.cells[count].first),
        column=column.label,
        headline=column == board.table.headline,
    )


def _row_fields(board: Board, count: int, entry: Ranked) -> dict[str, Any]:
    """The fields of a row with its rank."""
    identity, row, rank, result = board.table.identity, entry.row, entry.rank, entry.row.cells[count].first
    return {
        "table": board.name,
        "task": identity.task,
        "task_version": identity.task_version,
        "dataset": identity.dataset,
        "dataset_version": identity.dataset_version,
        "model": identity.repo,
        "num_edits": count,
        "draws": result.draws,
        "seeds": result.replicates,
        "method": row.method,
        "label": row.named.label(row.method),
        "method_version": row.version,
        "package": row.package,
        "fidelity": row.fidelity,
        "control": row.control,
        "rank": rank.text if rank else "",
        "rank_first": rank.first if rank else None,
        "rank_last": rank.last if rank else None,
        "tie_groups": rank.groups if rank else "",
        "no_rank": "" if rank else _no_rank(board, entry),
        "run": result.id,
        "command": result.provenance.command,
    }


def _score_fields(score: ScoreRecord, result: Result) -> dict[str, Any]:
    """The fields of a score."""
    found = shown_interval(score, result)
    return {
        "metric": score.metric,
        "metric_version": score.version,
        "unit": score.unit,
        "better": "higher" if score.higher_is_better else "lower",
        **{name: getattr(score, name) for name in ("value", "stderr", "before", "after")},
        **{name: getattr(found, name, None) for name in ("low", "high", "level")},
        "interval": "" if found is None else found.method,
        "images": score.n,
        "concepts": score.concepts,
        "failed": score.failed,
        "note": score.note,
    }


def _no_rank(board: Board, entry: Ranked) -> str:
    return board.unranked or entry.reason


def write_csv(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write the lines as CSV; what is missing is an empty cell.

    Raises:
        StoreError: the file cannot be written.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(ScoreLine))
    records = 0
    for line in score_lines(boards, ask):
        writer.writerow(_cells(line))
        records += 1
    write_atomic(out, stream.getvalue().encode())
    return Exported((out,), records, "score")


def _cells(line: ScoreLine) -> list[object]:
    """A line's cells; truth as 1 and 0, so that no reader takes it for text."""
    return [int(value) if isinstance(value, bool) else value for value in astuple(line)]

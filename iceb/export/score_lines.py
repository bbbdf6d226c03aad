"""Scores as lines: one for each row of a table, number of edits and metric."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from iceb.base.files import write_atomic
from iceb.export.asking import ExportAsk, Exported
from iceb.export.proven import columns_at
from iceb.leaderboard.columns import Column
from iceb.leaderboard.rank import Ranked
from iceb.report.site.boards import Board
from iceb.statistics.estimates import LEVEL


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
    row, result = entry.row, entry.row.cells[count].first
    score = row.score(column, count)
    if score is None:
        return None
    identity, rank = board.table.identity, entry.rank
    return ScoreLine(
        *(board.name, identity.task, identity.task_version, identity.dataset, identity.dataset_version, identity.repo),
        *(count, result.draws, result.replicates),
        *(row.method, row.named.label(row.method), row.version, row.package, row.fidelity, row.control),
        *(rank.text, rank.first, rank.last, rank.groups, "") if rank else ("", None, None, "", _no_rank(board, entry)),
        *(score.metric, score.version, column.label, column == board.table.headline, score.unit),
        "higher" if score.higher_is_better else "lower",
        *(score.value, score.stderr, score.low, score.high, None if score.low is None else LEVEL),
        *(score.before, score.after, score.n, score.concepts, score.failed, score.note),
        *(result.id, result.provenance.command),
    )


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

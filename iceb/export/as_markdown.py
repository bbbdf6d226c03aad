"""Tables as markdown: ranks, tie groups, directions, errors, intervals, and the command of every row."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from iceb.base.files import write_atomic
from iceb.base.wording import edits_text
from iceb.export.asking import ExportAsk, Exported
from iceb.leaderboard.markdown import cell
from iceb.leaderboard.rank import Table
from iceb.leaderboard.render import all_metrics, draws_at, identity_list
from iceb.leaderboard.row_lines import setting
from iceb.report.site.boards import Board

READING = (
    "Each cell is value ± standard error, and below it the 95 % interval; ↑: higher is better, ↓: lower. A rank is the "
    "range of ranks that paired tests leave open in {headline}; rows with a letter in common are not told apart."
)


def write_markdown(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write a table for each board and number of edits.

    Raises:
        StoreError: the file cannot be written.
    """
    tables = [_with_columns(board, ask) for board in boards]
    parts = [part for board in tables for part in _board(board)]
    write_atomic(out, ("\n\n".join(parts) + "\n").encode())
    return Exported((out,), sum(len(board.table.counts) for board in tables), "table")


def _with_columns(board: Board, ask: ExportAsk) -> Board:
    """The board with the columns that are asked for."""
    columns = tuple(column for column in board.table.columns if ask.reads(column.key.metric))
    return replace(board, table=replace(board.table, columns=columns))


def _board(board: Board) -> Iterator[str]:
    table = board.table
    yield f"## {cell(table.title)}: {cell(board.title)}"
    yield identity_list(table)
    yield from _how_to_read(board, table)
    for count in reversed(table.counts):
        yield f"### {edits_text(count, draws_at(table, count))}"
        yield all_metrics(table, count)
    yield "### Settings and commands"
    yield "\n".join(setting(row) for row in table.order)


def _how_to_read(board: Board, table: Table) -> Iterator[str]:
    if table.headline is not None:
        yield READING.format(headline=cell(table.headline.heading))
    if board.unranked:
        yield f"No row is ranked: {cell(board.unranked)}."
    elif undeclared := [str(count) for count in table.counts if count not in table.declared]:
        yield f"The task ranks nothing at {', '.join(undeclared)} edits."

"""Say how a table's edits were made, from how many seeds, and what its controls do."""

from collections.abc import Iterator

from iceb.leaderboard.cells import Cell
from iceb.leaderboard.installed import find_installed
from iceb.leaderboard.markdown import MISSING, cell
from iceb.leaderboard.rank import Row, Table

UNEDITED_DEST = "prompt_swap"  # the reference of tasks that name no ceiling: what is to be drawn, without any edit
REPEATED = (
    "Draws are disjoint sets of so many concepts, each edited alone, the same for all rows; seeds are those with "
    "which each is edited. Their scores are pooled; the error is over concepts and draws, or with one draw over "
    "concepts and seeds. The error of a row with one seed does not hold what another seed would change."
)
ALONE = (
    "Edits are made one at a time: a number of edits counts concepts, of which each is edited, drawn and judged in a "
    "model that holds no other edit."
)
ONE_SEED = (
    "All rows are of one seed: where a method trains, another seed makes another edit, and neither errors nor ranks "
    "hold what that changes."
)
SEED_EACH = (
    "Each edit is made once, from one seed: what another seed changes is in the errors only as far as it differs from "
    "concept to concept."
)


def edits_lines(table: Table) -> list[str]:
    """Say whether edits are made alone, and what of seeds the errors hold."""
    cells = [(count, found) for row in table.order if not row.control for count, found in row.cells.items()]
    if any(found.first.draws > 1 or found.first.replicates > 1 for _, found in cells):
        return [REPEATED]
    times = {each for count, found in cells if (each := _times_alone(count, found)) is not None}
    if times == {0}:
        return [ONE_SEED]
    if not times or 0 in times:
        return [REPEATED]
    return [ALONE, *([SEED_EACH] if times == {1} else [])]


def _times_alone(count: int, found: Cell) -> int | None:
    """The times that each concept is edited alone; 0: all together; None: not recorded."""
    record = found.first.effects
    return None if record is None or count == 1 else round(record.edits / count)


def controls_line(table: Table) -> str:
    """Say what the table's controls do, and what a dash is."""
    named = "; ".join(_controls(table))
    what = f" ({named})" if named else ""
    best = table.ceiling or UNEDITED_DEST
    reference = f" `{best}` is a reference for what an edit can reach, and no bound." if f"`{best}`" in named else ""
    return (
        f"Controls are compared with and not ranked{what}.{reference} {MISSING} stands where a method only erases and "
        "the score asks for the destination, where a metric was not computed, and where no run has that number of "
        "edits."
    )


def _controls(table: Table) -> Iterator[str]:
    for row in table.order:
        if row.control and (title := _title(row)):
            yield f"`{row.method}`: {cell(title[0].lower() + title[1:])}"


def _title(row: Row) -> str:
    """The title of a control's card; "" where it is not installed."""
    method = find_installed("methods", row.method, row.package)
    return "" if method is None else str(method.card.title)

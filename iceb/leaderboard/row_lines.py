"""Text about a row beside its scores: name, settings, commands and costs."""

import json

from iceb.base.digest import plain
from iceb.base.wording import count_text
from iceb.leaderboard.cells import Cell
from iceb.leaderboard.markdown import MISSING, cell, code, markdown_table
from iceb.leaderboard.rank import Row, Table
from iceb.specs.results import Result

COLD = "aice"  # the task whose rows tools/make_rows.py makes with nothing at hand: of the others no edit is timed
EDIT_SECONDS = "edit (s)"
DRAWING = ("images drawn", "ms an image", "peak memory (MB)", "device")
NEW_CACHE = (
    "`tools/make_rows.py` gives every run of AICE a new cache that holds the images before the edit and nothing else"
)
COST_NOTE = (
    "Times are wall time, beside whatever else the run's machine did. The rows that ship with the suite were made "
    "several at once on a shared machine: times of one row cannot be compared with those of another. "
    "[Benchmarks](../benchmarks/README.md) time edits on their own. Drawing is timed over the images that the run "
    "drew; “images drawn” counts these, of all that its scores read: before the edit, of other seeds and of "
    "references too."
)
OF_EDITS = (
    f"“{EDIT_SECONDS}” is of the run that first made the edit (all edits of a run; of draws and seeds those of the "
    "first). What lay in a run's cache cost it nothing (texts that were read, moments, parts of other edits); "
    f"{NEW_CACHE}."
)
UNTIMED = (
    f"What an edit takes stands on the page of AICE alone: {NEW_CACHE}, and a run of another task the method's scratch "
    "too, so that it does not pay for what an earlier run computed."
)


def name(row: Row) -> str:
    """Return a row's name: method, third-party package, which of the recipe's settings, and others."""
    return cell(row.named.label(row.method if row.package == "iceb" else f"{row.method} ({row.package})"))


def setting(row: Row) -> str:
    """Return a row's settings, and the command of every run behind it."""
    source = row.recipe or "the method's own defaults"
    paper = f", {row.paper}" if row.paper else ""
    params = json.dumps(plain(row.params), sort_keys=True, ensure_ascii=False)
    head = (
        f"- **{cell(row.named.label(row.method))}** version {row.version} "
        f"({cell(f'{row.package} {row.package_version}{paper}')}), {cell(source)}: {code(params)}"
    )
    return "\n".join([head, *(line for count, found in row.cells.items() for line in _commands(count, found))])


def _commands(count: int, found: Cell) -> list[str]:
    method = found.first.method
    own = ", ".join(f"{name}={json.dumps(plain(method.params[name]))}" for name in method.by_num_edits)
    at = f"at {count}" + (f" with {code(own)}" if own else "")
    return [
        f"  - {at}{', reproduced' if place else ''}: {code(result.provenance.command)} ({cell(_origin(result))})"
        for place, result in enumerate(found.results)
    ]


def _origin(result: Result) -> str:
    origin = result.provenance
    threads = "" if origin.threads is None else f", {count_text(origin.threads, 'thread')}"
    commit = f"commit {origin.commit[:12]}" if origin.commit else "no commit recorded"
    return f"{commit}, {origin.device}{threads}, {origin.finished[:10]}"


def relative_change(found: Cell) -> str:
    """Format the size of a cell's edit against the weights that it changes."""
    change = found.first.model.relative_change
    return MISSING if change is None else f"{change:.3g}"


def degenerate(found: Cell) -> str:
    """Format a cell's degenerate images, "2 of 1200 (1 before)"; older versions did not count them."""
    record = found.first.degenerate
    if record is None:
        return "not recorded"
    failed = f", {record.failures} failed" if record.failures else ""
    return f"{record.after} of {record.images} ({record.before} before){failed}"


def without_effect(found: Cell) -> str:
    """Format a cell's edits that changed nothing, "3 of 90"."""
    record = found.first.effects
    return MISSING if record is None else f"{len(record.unchanged)} of {record.edits}"


def costs(table: Table) -> list[str]:
    """Make the table of costs at the main number of edits."""
    timed = table.identity.task == COLD
    header = [*(("method", EDIT_SECONDS) if timed else ("method",)), *DRAWING]
    found = [(entry.row, entry.row.cells[table.main].first) for entry in table.ranked[table.main]]
    lines = [[name(row), *((_seconds(result),) if timed else ()), *_cost(result)] for row, result in found]
    return [f"{COST_NOTE} {OF_EDITS if timed else UNTIMED}", markdown_table(header, lines, numbers_from=1)]


def _seconds(result: Result) -> str:
    seconds = result.cost.edit_seconds
    return MISSING if seconds is None else f"{seconds:.1f}"


def _cost(result: Result) -> list[str]:
    """Format a run's cost without its edit's; images drawn by an earlier run are counted apart."""
    cost = result.cost
    peak = cost.peak_gpu_bytes or cost.peak_bytes
    drawn, reused = cost.images_drawn, cost.images_reused
    return [
        MISSING if drawn is None else f"{drawn} of {drawn + (reused or 0)}",
        f"{1000 * cost.draw_seconds / drawn:.1f}" if drawn and cost.draw_seconds is not None else MISSING,
        MISSING if peak is None else f"{peak / 1e6:.0f}",
        cell(result.provenance.device),
    ]

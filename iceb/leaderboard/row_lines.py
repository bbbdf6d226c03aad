"""Text about a row beside its scores: name, settings, commands and costs."""

import json

from iceb.base.digest import plain
from iceb.base.wording import count_text
from iceb.leaderboard.cells import Cell
from iceb.leaderboard.markdown import MISSING, cell, code, markdown_table
from iceb.leaderboard.rank import Row, Table
from iceb.specs.results import Result

COST_NOTE = (
    "Seconds are wall time of the run that first made the edit (all edits of a run; of draws and seeds those of the "
    "first), beside whatever else its machine did. The rows that ship with the suite were made several at once on a "
    "shared machine: seconds of one row cannot be compared with those of another. "
    "[Benchmarks](../benchmarks/README.md) time edits on their own. What lay in a run's cache cost it nothing (texts "
    "that were read, moments, parts of other edits, images); `tools/make_rows.py` gives every run of AICE a new cache "
    "that holds the images before the edit and nothing else, and a run of another task the method's scratch too. "
    "Drawing is timed over the images that the run drew."
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
    header = ["method", "edit (s)", "images drawn", "ms an image", "peak memory (MB)", "device"]
    lines = [_cost(entry.row, entry.row.cells[table.main].first) for entry in table.ranked[table.main]]
    return [COST_NOTE, markdown_table(header, lines, numbers_from=1)]


def _cost(row: Row, result: Result) -> list[str]:
    """Format a run's cost; images drawn by an earlier run took no time and are counted apart."""
    cost = result.cost
    peak = cost.peak_gpu_bytes or cost.peak_bytes
    drawn, reused = cost.images_drawn, cost.images_reused
    return [
        name(row),
        MISSING if cost.edit_seconds is None else f"{cost.edit_seconds:.1f}",
        MISSING if drawn is None else f"{drawn} of {drawn + (reused or 0)}",
        f"{1000 * cost.draw_seconds / drawn:.1f}" if drawn and cost.draw_seconds is not None else MISSING,
        MISSING if peak is None else f"{peak / 1e6:.0f}",
        cell(result.provenance.device),
    ]

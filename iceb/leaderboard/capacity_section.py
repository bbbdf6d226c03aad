"""The section of a leaderboard page that says how many concepts each method can edit at once."""

from collections.abc import Iterator

from iceb.leaderboard.capacity import Area, Capacity, Ends, HalfLife, RowCapacity, TableCapacity
from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.markdown import MISSING, cell, markdown_table
from iceb.leaderboard.rank import CONTROL, Row
from iceb.leaderboard.row_lines import name
from iceb.specs.records import ScoreRecord

GUIDE = "../docs/capacity.md"
ALONE = "No other row moves these numbers"
DECIMALS = 2  # of areas and levels


def capacity_section(found: TableCapacity) -> list[str]:
    """Make the section: what the numbers mean, and a row for each method."""
    rows = [each for each in found.rows if each.points]
    if not rows:
        return []
    lines = [[row_name(each.row), *cells_of(each)] for each in rows]
    table = markdown_table(["method", *headings(found)], lines, numbers_from=1)
    said = [*explain(found), f"{ALONE} ([how they are taken, and how often the intervals hold]({GUIDE}))."]
    if without := [f"{row_name(each.row)} ({each.note})" for each in found.rows if not each.points]:
        said.append(f"Without a capacity: {'; '.join(without)}.")
    return ["### Capacity: how many concepts at once", "\n".join(f"- {each}" for each in said), table]


def headings(found: TableCapacity) -> list[str]:
    """The headings of the numbers of a row."""
    least, most, levels = found.counts[0], found.counts[-1], found.levels
    first = f"fails first (of {levels[0]:g})"
    return [*(f"C({level:g}) ↑" for level in levels), first, f"area, {least} to {most} ↑", "half-life ↑"]


def explain(found: TableCapacity) -> list[str]:
    """Say in words what each number of the section is."""
    axes, levels, counts = found.axes, found.levels, ", ".join(map(str, found.counts))
    top = f"`{axes.ceiling}`" if isinstance(axes.ceiling, str) else f"the value {axes.ceiling:g}"
    named = ", ".join(f"C({level:g})" for level in levels)
    return [
        f"Efficacy says how well the edits work: {cell(axes.efficacy)}, on a scale whose 0 is `{FLOOR}` and whose 1 "
        f"is {top}. Preservation says how much else is left: of what {cell(axes.preservation)} compares, the share "
        "that the edited model keeps (after divided by before).",
        f"{named}: the largest number of edits at which efficacy and preservation are both at least that much. "
        "Between two numbers of edits the lower of the two runs on a straight line over the logarithm. “≥ "
        f"{found.counts[-1]}”: both hold at the largest number measured, and beyond it nothing is known. “< "
        f"{found.counts[0]}”: they do not hold even at the smallest.",
        f"A range, “10 to 100”: somewhere between these, for one of the numbers of edits of a whole curve ({counts}) "
        "lies between them and was not run.",
        "[low, high] is the 95 % interval, from draws of the concepts with replacement, the same ones at every number "
        "of edits. Numbers of edits with fewer than ten concepts have no part in it, so an end may be “< 10”; “[< 10]” "
        "alone: both ends lie there.",
        f"fails first: which of the two is below {levels[0]:g} at the next number of edits measured.",
        "area: the mean of the lower of the two over the logarithm of the number of edits, from 0 (none works or "
        "nothing is left, at every number) to 1 (all works and all is left). None where one of those numbers was not "
        "run.",
        f"half-life: the number of edits at which the lower of the two has fallen to half of what it is at "
        f"{found.counts[0]}: how fast a method gives way, however well it began. “> {found.counts[-1]}”: it has not. "
        f"{MISSING}: that first value is near 0, or a later one is more than twice as large. "
        f"Without [low, high]: fewer than ten concepts at {found.counts[0]}, so its error is not known.",
        *_bounds_of_half(found),
    ]


def _bounds_of_half(found: TableCapacity) -> list[str]:
    """Say what a capacity at half leaves out: ranks that its metric withholds, and cosines."""
    kept = found.axes.preservation
    lost = (
        f"C({found.levels[0]:g}) asks for no more than half of {cell(kept)}; a row that loses over a fifth of it has "
        "no rank, whatever its capacity."
    )
    cosine = (
        f"{cell(kept)} is a raw cosine, of which unrelated images keep a part: an edit that damages the erased and the "
        "others alike may hold at half. Read it beside the headline."
    )
    units = {score.unit for row in found.rows for score in _scores_of(row.row, kept)}
    return [
        *([lost] if found.table.evidence.task.kept == kept else []),
        *([cosine] if any("cosine" in unit for unit in units) else []),
    ]


def _scores_of(row: Row, metric: str) -> Iterator[ScoreRecord]:
    return (score for found in row.cells.values() for score in found.scores if score.metric == metric)


def cells_of(found: RowCapacity) -> list[str]:
    """A row's numbers as text, under `headings`."""
    fails = " and ".join(found.capacities[0].fails) if found.capacities else ""
    return [
        *(capacity_text(each) for each in found.capacities),
        fails or MISSING,
        area_text(found.area),
        half_life_text(found),
    ]


def row_name(row: Row) -> str:
    """A row's name, with a word where it is a control."""
    return f"{name(row)} ({CONTROL})" if row.control else name(row)


def capacity_text(found: Capacity) -> str:
    """Format a capacity with its interval: "142 [53, 207]"."""
    return f"{found.edits.text()}{_interval_text(found.interval)}"


def _interval_text(ends: Ends | None) -> str:
    if ends is None:
        return ""
    low, high = ends[0].text(), ends[1].text(up=True)
    return f" [{low}]" if ends[0] == ends[1] and ends[0].exact is None else f" [{low}, {high}]"


def area_text(found: Area) -> str:
    """Format an area with its interval."""
    if found.value is None:
        return MISSING
    ends = "" if found.interval is None else f" [{found.interval[0]:.{DECIMALS}f}, {found.interval[1]:.{DECIMALS}f}]"
    return f"{found.value:.{DECIMALS}f}{ends}"


def half_life_text(found: RowCapacity) -> str:
    """Format a half-life with its interval; "> 300" where the score has not fallen so far."""
    half: HalfLife = found.half_life
    if half.edits is None:
        return MISSING
    known = f"> {found.points[-1].count}" if half.beyond else half.edits.text()
    return f"{known}{_interval_text(half.interval)}"

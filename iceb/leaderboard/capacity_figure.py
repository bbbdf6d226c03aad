"""The figure of a leaderboard page: scores against the number of edits, with intervals."""

from collections.abc import Sequence
from itertools import pairwise

from iceb.leaderboard.anchored_scores import AnchoredScore
from iceb.leaderboard.capacity import EFFICACY, PRESERVATION, TableCapacity
from iceb.leaderboard.capacity_section import row_name
from iceb.leaderboard.rank import Row, Table
from iceb.leaderboard.svg import Dot, Line, Panel, Style, figure, panel_of
from iceb.specs.recipes import PUBLISHED
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval

# Okabe and Ito's colours, which colour-blind readers tell apart; black and yellow left out, one more beside them.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6f4e9c")
CONTROLS = ("#57606a", "#8c959f", "#57606a", "#8c959f")
LOOKS = (("", "circle"), ("6 3", "square"), ("2 3", "triangle"), ("8 3 2 3", "diamond"))  # of rows of one method


def draw_table(table: Table, capacity: TableCapacity | None, counts: Sequence[int] | None = None) -> str | None:
    """Draw the headline, and efficacy and preservation where the task names them.

    None of fewer than two numbers of edits.
    """
    declared = tuple(counts or table.declared)
    wanted = [count for count in declared if count in table.counts]
    styles = _styles(table.order)
    panels = [each for each in (_headline_panel(table, declared, styles), *_axis_panels(capacity, styles)) if each]
    if len(wanted) < 2 or not panels:
        return None
    titles = ", ".join(panel.title for panel in panels)
    described = (
        f"One line for each row. From left to right: {titles}, each against the logarithm of the number of edits. "
        "Vertical strokes are 95 % intervals; the table below the figure holds the numbers."
    )
    return figure(f"{table.title}: {titles} by number of edits", described, panels, wanted)


def _styles(rows: Sequence[Row]) -> dict[int, Style]:
    """A colour for each method, dashes and marks for its rows; controls are grey."""
    methods = sorted({row.method for row in rows if not row.control})
    controls = sorted({row.method for row in rows if row.control})
    found, seen = {}, dict.fromkeys([*methods, *controls], 0)
    for row in sorted(rows, key=lambda row: (row.named.part.startswith(PUBLISHED), row_name(row))):
        names, colours = (controls, CONTROLS) if row.control else (methods, COLOURS)
        place = names.index(row.method)
        colour = colours[place % len(colours)]
        dash, mark = LOOKS[(seen[row.method] + (place if row.control else place // len(colours))) % len(LOOKS)]
        found[id(row)] = Style(colour, dash, mark)
        seen[row.method] += 1
    return found


def _headline_panel(table: Table, counts: Sequence[int], styles: dict[int, Style]) -> Panel | None:
    if table.headline is None:
        return None
    lines = []
    for row in table.order:
        scores = {count: row.score(table.headline, count) for count in counts}
        dots = [
            _dot_of(count, each, row.cells[count].first)
            for count, each in scores.items()
            if each is not None and each.value is not None
        ]
        lines += [_line(row, styles, dots, counts)] if dots else []
    return panel_of(table.headline.heading, lines) if lines else None


def _axis_panels(capacity: TableCapacity | None, styles: dict[int, Style]) -> list[Panel]:
    """Efficacy and preservation, each from 0 to 1, with the levels of the capacities that are shown."""
    rows = [row for row in capacity.rows if row.points] if capacity is not None else []
    if capacity is None or not rows:
        return []
    panels = []
    for side in (EFFICACY, PRESERVATION):
        lines = [
            _line(row.row, styles, [_dot(each.count, getattr(each, side)) for each in row.points], capacity.counts)
            for row in rows
        ]
        panels.append(panel_of(f"{side} ({getattr(capacity.axes, side)})", lines, (0.0, 1.0), capacity.levels))
    return panels


def _line(row: Row, styles: dict[int, Style], dots: Sequence[Dot], declared: Sequence[int]) -> Line:
    """The line of a row; it is faint across numbers of edits that were to be measured and were not."""
    gaps = (
        place for place, (dot, after) in enumerate(pairwise(dots)) if any(dot.x < count < after.x for count in declared)
    )
    return Line(row_name(row), styles[id(row)], tuple(dots), frozenset(gaps))


def _dot_of(count: int, score: ScoreRecord, result: Result) -> Dot:
    found = shown_interval(score, result)
    return Dot(count, score.value or 0.0, found.low if found else None, found.high if found else None)


def _dot(count: int, score: AnchoredScore) -> Dot:
    scatter = score.scatter
    return Dot(count, score.value or 0.0, scatter.low if scatter else None, scatter.high if scatter else None)

"""Draw panels of lines with intervals as SVG, with the same bytes on every machine.

Written here and not by a library, so that a page and its check give equal bytes whatever versions are installed.
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 300, 230  # of a panel's frame
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 34, 46  # around it
LINE, COLUMNS, LONGEST = 18, 3, 48  # of the legend; letters that fit into a column
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
INK, QUIET, RULE, PAPER = "#1f2328", "#59636e", "#d8dee4", "#ffffff"


@dataclass(frozen=True)
class Style:
    """The look of a line; colour, dash and mark each tell it from others."""

    colour: str
    dash: str
    mark: str  # circle, square, triangle or diamond


@dataclass(frozen=True)
class Dot:
    """One point of a line, with its interval where it has one."""

    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Line:
    """The points of one row in one panel.

    Attributes:
        gaps: places of dots after which a number of edits was left out; the line to the next dot is faint.
    """

    label: str
    style: Style
    dots: tuple[Dot, ...]
    gaps: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Panel:
    """Lines over the same axes.

    Attributes:
        levels: marked by dashed lines across.
    """

    title: str
    lines: tuple[Line, ...]
    low: float
    high: float
    levels: tuple[float, ...] = ()


def panel_of(
    title: str, lines: Sequence[Line], within: tuple[float, float] | None = None, levels: tuple[float, ...] = ()
) -> Panel:
    """Make a panel that holds all lines and their intervals; `within` is shown in any case."""
    ends = [end for line in lines for dot in line.dots for end in (dot.y, dot.low, dot.high) if end is not None]
    low, high = min([*ends, *(within or ())]), max([*ends, *(within or ())])
    room = (high - low or 1.0) * 0.04
    return Panel(title, tuple(lines), low - room, high + room, levels)


def figure(title: str, described: str, panels: Sequence[Panel], counts: Sequence[int]) -> str:
    """Draw panels side by side over the logarithm of the number of edits, with one legend below."""
    across = LEFT + WIDTH + RIGHT
    width, top = across * len(panels), TOP + HEIGHT + BOTTOM
    legend = {line.label: line.style for panel in panels for line in panel.lines}
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(legend) / columns)
    height = top + rows * LINE + 10
    body = [_panel(panel, place * across, counts) for place, panel in enumerate(panels)]
    body += [
        _legend_entry(label, style, (place // rows) * (width // columns) + 12, top + (place % rows) * LINE + 8)
        for place, (label, style) in enumerate(legend.items())
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title desc" font-family="{FONT}" font-size="12" fill="{INK}">'
    )
    texts = [f'<title id="title">{escape(title)}</title>', f'<desc id="desc">{escape(described)}</desc>']
    return (
        "\n".join([head, *texts, f'<rect width="{width}" height="{height}" fill="{PAPER}"/>', *body, "</svg>"]) + "\n"
    )


class _Frame:
    """The axes of a panel: numbers to pixels."""

    def __init__(self, panel: Panel, left: float, counts: Sequence[int]) -> None:
        self.left, self.panel = left + LEFT, panel
        self.logs = (math.log(counts[0]), math.log(counts[-1]))

    def x(self, count: float) -> float:
        """Across, with some room at both ends."""
        span = self.logs[1] - self.logs[0] or 1.0
        return self.left + 16 + (math.log(count) - self.logs[0]) / span * (WIDTH - 32)

    def y(self, number: float) -> float:
        """Down."""
        return TOP + HEIGHT * (self.panel.high - number) / (self.panel.high - self.panel.low)


def _panel(panel: Panel, left: float, counts: Sequence[int]) -> str:
    frame = _Frame(panel, left, counts)
    parts = [f'<text x="{frame.left}" y="{TOP - 12}" font-size="14" font-weight="600">{escape(panel.title)}</text>']
    parts += [_rule(frame, tick) for tick in ticks(panel.low, panel.high)]
    parts += [_rule(frame, level, marked=True) for level in panel.levels]
    parts += _count_labels(frame, counts)
    middle = frame.left + WIDTH / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{TOP + HEIGHT + 34}" text-anchor="middle" fill="{QUIET}">edits at once</text>'
    )
    count = len(panel.lines)
    parts += [
        _line(frame, line, (place - (count - 1) / 2) * min(0.9, 10 / max(count, 1)))
        for place, line in enumerate(panel.lines)
    ]
    return "\n".join(parts)


def _rule(frame: _Frame, number: float, *, marked: bool = False) -> str:
    y = frame.y(number)
    stroke = f'stroke="{QUIET}" stroke-dasharray="3 3"' if marked else f'stroke="{RULE}"'
    label = f'<text x="{frame.left - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{QUIET}">{number:g}</text>'
    return f'<path d="M{frame.left} {y:.1f}h{WIDTH}" {stroke}/>{label}'


def _count_labels(frame: _Frame, counts: Sequence[int]) -> list[str]:
    """Label the numbers of edits; of two that would touch, the larger one is labelled."""
    parts, free = [], math.inf
    for count in reversed(counts):
        x = frame.x(count)
        parts.append(f'<path d="M{x:.1f} {TOP + HEIGHT}v4" stroke="{QUIET}"/>')
        half = 4 * len(str(count))
        if x + half < free:
            parts.append(
                f'<text x="{x:.1f}" y="{TOP + HEIGHT + 17}" text-anchor="middle" fill="{QUIET}">{count}</text>'
            )
            free = x - half - 2
    return parts


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two, about five of them.

    >>> ticks(-0.04, 1.04)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda each: abs(math.log(each / rough)))
    return [round(place * step, 9) + 0.0 for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _line(frame: _Frame, line: Line, aside: float) -> str:
    """Draw a line, its intervals and its marks; `aside` keeps intervals of several lines apart."""
    places = [(frame.x(dot.x) + aside, frame.y(dot.y)) for dot in line.dots]
    style = line.style
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    parts = [_segments(places, set(range(len(places) - 1)) - line.gaps, f'stroke-width="1.8"{dash}')]
    parts += [_segments(places, line.gaps, f'stroke-width="1" stroke-opacity="0.35"{dash}')]
    parts += [
        f'<path d="M{x:.1f} {frame.y(dot.low):.1f}V{frame.y(dot.high):.1f}" stroke-width="1.3" stroke-opacity="0.7"/>'
        for dot, (x, _) in zip(line.dots, places, strict=True)
        if dot.low is not None and dot.high is not None
    ]
    parts += [_mark(style.mark, x, y) for x, y in places]
    return f'<g stroke="{style.colour}" fill="{style.colour}"><title>{escape(line.label)}</title>{"".join(parts)}</g>'


def _segments(places: Sequence[tuple[float, float]], drawn: Set[int], look: str) -> str:
    """Draw the lines from some places to the next ones as one path."""
    moves: list[str] = []
    last = -1
    for place in sorted(drawn):
        (x, y), (next_x, next_y) = places[place], places[place + 1]
        moves.append(f"{'' if place == last + 1 and moves else f'M{x:.1f} {y:.1f}'}L{next_x:.1f} {next_y:.1f}")
        last = place
    return f'<path d="{"".join(moves)}" fill="none" {look}/>' if moves else ""


def _mark(mark: str, x: float, y: float) -> str:
    if mark == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    shapes = {"square": "m-3 -3h6v6h-6z", "triangle": "m0 -4l4 7h-8z", "diamond": "m0 -4l4 4l-4 4l-4 -4z"}
    return f'<path d="M{x:.1f} {y:.1f}{shapes[mark]}"/>'


def _legend_entry(label: str, style: Style, x: float, y: float) -> str:
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    sample = f'<path d="M{x} {y}h30" fill="none" stroke-width="1.8"{dash}/>{_mark(style.mark, x + 15, y)}'
    text = f'<text x="{x + 38}" y="{y + 4}">{escape(_shorten(label))}</text>'
    return f'<g stroke="{style.colour}" fill="{style.colour}">{sample}</g>{text}'


def _shorten(label: str) -> str:
    """Shorten a label that would run into the next column; the line itself has it whole."""
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"

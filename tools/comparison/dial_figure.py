"""The figure of mini's dials: a curve for each method and number of edits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tools.comparison.both_sides import EDITED, KEPT, METHODS
from tools.comparison.dial_page import DIALS, Dial, Numbers, curve
from tools.comparison.points import Point, Setting

STYLES = {10: "-", 50: "--"}  # by the number of edits
COLOURS = {name: f"C{place}" for place, name in enumerate(METHODS)}
SIZE = (11, 6)  # inches


def draw(points: Sequence[Point], shipped: Setting, published: Numbers, path: Path) -> None:
    """Draw a column for each dial, what is edited above the holdout; the file is the same each time."""
    dials = [dial for dial in DIALS if len(curve(dial, points, shipped)) > 1]
    with mpl.rc_context({"svg.hashsalt": "mini", "svg.fonttype": "none"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        grid = figure.subplots(2, len(dials), sharex="col", sharey="row", squeeze=False)
        for column, dial in enumerate(dials):
            for row, number in enumerate((EDITED, KEPT)):
                _panel(grid[row][column], dial, number, curve(dial, points, shipped), published)
                grid[row][column].axvline(getattr(shipped, dial.field), color="0.8")
            grid[1][column].set_xlabel(dial.title.lower())
        figure.suptitle("solid: 10 edits, dashed: 50; thin dotted: published on Stable Diffusion; grey: shipped")
        figure.savefig(path, metadata={"Date": None})


def _panel(axes: Any, dial: Dial, number: str, along: dict[float, list[Point]], published: Numbers) -> None:
    for printed in dial.methods:
        for count, style in STYLES.items():
            at = [
                (value, getattr(each, {EDITED: "edited", KEPT: "holdout"}[number]))
                for value, some in along.items()
                for each in some
                if (each.method, each.num_edits) == (METHODS[printed], count)
            ]
            if at:
                label = printed if count == min(STYLES) else None
                axes.plot(*zip(*at, strict=True), style, marker=".", color=COLOURS[printed], label=label)
                axes.axhline(published[printed, count, number], color=COLOURS[printed], linestyle=":", linewidth=0.7)
    axes.set_xscale("log")
    axes.set_ylabel(number)
    axes.legend(fontsize="small")

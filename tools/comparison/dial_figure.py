"""The figure of mini's dials: a curve for each method and number of edits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tools.comparison.both_sides import EDITED, KEPT, METHODS
from tools.comparison.dial_page import DIALS, Curve, Dial, Numbers, curve
from tools.comparison.points import Point, Setting

STYLES = {10: "-", 50: "--"}  # by the number of edits
COLOURS = {name: f"C{place}" for place, name in enumerate(METHODS)}
SIZE = (11, 6)  # inches


def draw(points: Sequence[Point], shipped: Setting, published: Numbers, path: Path) -> None:
    """Draw a column for each dial, what is edited above the holdout; the file is the same each time."""
    found = {dial: curve(dial, points, shipped) for dial in DIALS}
    dials = [dial for dial, along in found.items() if len(along) > 1]
    if not dials:
        return
    with mpl.rc_context({"svg.hashsalt": "mini", "svg.fonttype": "none"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        grid = figure.subplots(2, len(dials), sharex="col", sharey="row", squeeze=False)
        for column, dial in enumerate(dials):
            for row, number in enumerate((EDITED, KEPT)):
                _panel(grid[row][column], dial, number, found[dial], published)
                grid[row][column].axvline(getattr(shipped, dial.field), color="0.8")
            grid[1][column].set_xlabel(dial.title.lower())
        figure.suptitle("solid: 10 edits, dashed: 50; thin: published on Stable Diffusion; grey: shipped")
        figure.savefig(path, metadata={"Date": None})


def _panel(axes: Any, dial: Dial, number: str, along: Curve, published: Numbers) -> None:
    for printed in dial.methods:
        for count, style in STYLES.items():
            at = [(value, some[printed, count]) for value, some in along.items() if (printed, count) in some]
            if at:
                places, points = zip(*at, strict=True)
                heights = [each.number(number) for each in points]
                label = printed if count == min(STYLES) else None
                axes.plot(places, heights, style, marker=".", color=COLOURS[printed], label=label)
                axes.axhline(published[printed, count, number], color=COLOURS[printed], linestyle=style, linewidth=0.5)
    axes.set_xscale("log")
    axes.set_ylabel(number)
    axes.legend(fontsize="small")

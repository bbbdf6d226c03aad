"""The capacities and the figure of each table on a leaderboard page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from iceb.leaderboard.capacity import TableCapacity, capacity_of
from iceb.leaderboard.capacity_figure import draw_table
from iceb.leaderboard.rank import Table

FIGURES = "figures"  # a folder beside the pages


@dataclass(frozen=True)
class View:
    """A table's capacities and figure, where it has them.

    Attributes:
        figure: the figure's file name, relative to the page.
        svg: its text; None where there is none.
    """

    capacity: TableCapacity | None
    figure: str
    svg: str | None


def views_of(tables: Sequence[Table], page: str) -> list[View]:
    """Take the capacities and draw the figures of a page's tables; the first figure has the page's name."""
    stem, found = PurePosixPath(page).stem, []
    for place, table in enumerate(tables, 1):
        capacity = capacity_of(table)
        name = f"{FIGURES}/{stem}{'' if place == 1 else f'.{place}'}.svg"
        found.append(View(capacity, name, draw_table(table, capacity)))
    return found

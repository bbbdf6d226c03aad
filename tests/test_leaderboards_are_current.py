"""The committed pages are what the committed results make."""

from pathlib import Path

from iceb.leaderboard.pages import check, rendered
from iceb.registry import load

FOLDER = Path(__file__).parents[1] / "leaderboards"


def test_every_page_is_what_its_results_make():
    check(FOLDER, rendered(FOLDER, lambda name: load("tasks", name)))

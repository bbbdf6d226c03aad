"""The committed pages are what the committed results make, and the results what their tables make."""

from pathlib import Path

from iceb.leaderboard.collect import collect
from iceb.leaderboard.pages import check, render_pages, results_folder
from iceb.registry import load

FOLDER = Path(__file__).parents[1] / "leaderboards"


def test_every_page_is_what_its_results_make():
    check(FOLDER, render_pages(FOLDER, lambda name: load("tasks", name), collect(results_folder(FOLDER))))

"""The committed pages are what the committed results make, and the results what their tables make."""

import pytest

from iceb.base.errors import IcebError
from iceb.leaderboard.filed_result import tables_of
from iceb.leaderboard.pages import check, render_pages
from iceb.registry import load
from tools import fidelity, holdout_by_captions
from tools.committed import LEADERBOARDS, committed_files, committed_results
from tools.comparison.page import page_text


def test_every_page_is_what_its_results_make():
    try:
        found = committed_files()
        results = [filed.result for filed in found]
        made = render_pages(LEADERBOARDS, lambda name: load("tasks", name), results, per_concept=tables_of(found))
        check(LEADERBOARDS, made)
    except IcebError as error:
        pytest.fail(str(error), pytrace=False)  # one line says what to do; the way through the code adds nothing


def test_the_page_of_the_order_is_what_the_results_make():
    assert fidelity.PAGE.read_text(encoding="utf-8") == page_text(fidelity.both_sides(committed_results())), (
        "run `python tools/fidelity.py --write` and commit the page"
    )


def test_the_page_of_the_corpus_is_what_the_results_make():
    assert holdout_by_captions.main(["--check"]) == 0, "run `python tools/holdout_by_captions.py --write`"

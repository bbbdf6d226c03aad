"""Rows that have no rank whatever their scores: the reason stands in the table, and the page explains it."""

from typing import get_args

import pytest

from iceb.leaderboard.failed_images import FAILED, failures_may_decide
from iceb.leaderboard.rank import tables
from iceb.leaderboard.recompute import problems
from iceb.leaderboard.render import render
from iceb.leaderboard.unranked import BEFORE
from iceb.specs.effects import EffectsRecord
from iceb.specs.outside import Before, OutsideRecord


def places_and_page(make_result, task, **fields):
    """The places of two rows, the better one with such fields, and the page."""
    rows = [
        make_result("mine", 10, {"edit_score": 0.3}, package="elsewhere", paper="").with_fields(**fields),
        make_result("uce", 10, {"edit_score": 0.2}),
        make_result("unedited", 10, {"edit_score": 0.0}),
    ]
    (table,) = tables([each.result for each in rows], task)
    return {each.row.method: each.place for each in table.ranked[10]}, render("page", [table])


@pytest.mark.parametrize("how", get_args(Before))
def test_handed_in_images_rank_only_if_iceb_knows_the_images_before(make_result, task, how):
    outside = OutsideRecord(made_by="images", source="images", before=how)
    places, page = places_and_page(make_result, task, outside=outside)
    known = how in ("not read", "drawn", "same")
    assert places["mine"] == ("1" if known else BEFORE)
    assert places["uce"] == ("2" if known else "1")
    assert ("0.300 ± 0.010 (–)" in page) is not known
    assert (f"It is marked {BEFORE}" in page) is not known
    assert "| mine (elsewhere) |" in page
    assert "A row (elsewhere) of images from elsewhere rests on its maker's word" in page


def test_an_edited_model_from_elsewhere_ranks_since_both_sides_are_drawn_here(make_result, task):
    outside = OutsideRecord(made_by="checkpoint", source="edited")
    places, page = places_and_page(make_result, task, outside=outside)
    assert places["mine"] == "1"
    assert "A row (elsewhere) of a checkpoint from elsewhere was drawn here; its edit was made by its maker." in page


def test_the_mark_says_in_words_how_the_images_before_came_about():
    made = OutsideRecord(made_by="images", before="handed in", before_unknown=3)
    assert made.words == "images from elsewhere, those before handed in, 3 of them not known to be the model's"
    assert "drawn here" in OutsideRecord(made_by="images", before="drawn").words
    assert OutsideRecord(made_by="checkpoint").words == "checkpoint from elsewhere"


def test_a_row_with_edits_without_effect_keeps_its_rank_and_shows_them(make_result, task):
    idle = EffectsRecord(edits=10, unchanged={"r/3": ("hen",)})
    places, page = places_and_page(make_result, task, effects=idle)
    assert places["mine"] == "1"
    assert "| no effect |" in page
    assert "| 1 of 10 |" in page
    assert "no effect counts edits that changed no image" in page
    assert "no effect" not in places_and_page(make_result, task, effects=EffectsRecord(edits=10))[1]


def test_a_result_of_which_no_edit_has_an_effect_is_refused(make_result):
    made = make_result()
    fields = {"effects": EffectsRecord(edits=1, unchanged={"r/3": ("hen",)})}
    assert problems(made.with_fields(**fields).result, made.rows) == [
        "1 of 1 edits are without effect: such a run is a failed one"
    ]


# Over two parts, of a range of 2: 4 · 1 / 8001 and 4 · 4 / 1004, beside an error of 0.01.
@pytest.mark.parametrize(("failed", "images", "place"), [(1, 8000, "1"), (4, 1000, FAILED)])
def test_images_that_failed_cost_the_rank_where_they_could_move_the_headline(make_result, task, failed, images, place):
    mine = make_result("mine", 10, {"edit_score": 0.3}, paper="arXiv:1")
    mine = mine.with_score("edit_score", failed=failed, failed_why="ValueError", n=images)
    (table,) = tables([mine.result, make_result("uce", 10, {"edit_score": 0.2}).result], task)
    assert {each.row.method: each.place for each in table.ranked[10]}["mine"] == place
    page = render("page", [table])
    assert f"({failed} failed)" in page
    assert ("could move the headline by more than its error" in page) is (place == FAILED)


def test_a_failed_image_moves_a_mean_of_one_part_by_no_more_than_is_allowed_for(make_result):
    score = make_result("mine", 10, {"source2dest": 0.3}).result.scores[0]
    values = [0.3] * 99
    moved = max(abs(sum([*values, worst]) / 100 - sum([*values, best]) / 100) for worst in (-1, 1) for best in (-1, 1))
    assert moved == pytest.approx(0.02)
    failing = score.model_copy(update={"failed": 1, "n": 99})
    assert not failures_may_decide(failing.model_copy(update={"stderr": moved + 1e-9}))
    assert failures_may_decide(failing.model_copy(update={"stderr": moved - 1e-9}))
    unknown = failing.model_copy(update={"metric": "of_another_package", "stderr": 1e9})
    assert failures_may_decide(unknown)

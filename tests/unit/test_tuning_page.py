"""The page of validation against the test: its lines, what tuning gained, and the committed one."""

import pytest

from iceb.tuning.record import Numbers, Trial, Tuning
from tools import tuning_page
from tools.comparison.both_sides import Measured
from tools.tuning_page import edges_of, failures_of, gains_of, lines_of, page_text

TUNED = "tuned for mini with captions"


def trial(what: str, score: float) -> Trial:
    numbers = Numbers(source2dest=0.0, source_forget=0.0, holdout_delta=0.0, score=score, edit_seconds=1, seconds=1)
    return Trial(what=what, settings={}, at=dict.fromkeys((10, 50, 150), numbers))


def tuning(method: str, *scores: float, score: str = "edit_score") -> Tuning:
    trials = [trial("grid" if place else "published", each) for place, each in enumerate(scores)]
    return Tuning(
        method=method, score=score, protocol={"edits": [10, 50, 150]}, validation_sha256="", model="", trials=trials
    )


class Rows(Measured):
    """Means of rows that are given."""

    def __init__(self, means):
        object.__setattr__(self, "means", means)

    def mean(self, row, num_edits, metric, field="value"):
        return self.means.get((row, num_edits, metric))


def test_the_best_trial_stands_below_the_first_with_its_row():
    rows = Rows({("uce, published", 10, "edit_score"): 0.1, (f"uce, {TUNED}", 10, "edit_score"): 0.3})
    first, best = lines_of(tuning("uce", 0.2, 0.1, 0.5), rows)
    assert (first.settings, first.trial, first.test[0]) == ("published", "0 of 3", 0.1)
    assert (best.settings, best.trial, best.test[0]) == (TUNED, "2 of 3", 0.3)
    assert best.validation == (0.5, 0.5, 0.5, 0.5)
    assert best.test[1:] == (None, None, None)


def test_a_method_whose_first_trial_is_the_best_has_one_line_and_no_gain():
    lines = lines_of(tuning("uce", 0.2, 0.1), Rows({}))
    assert len(lines) == 1
    assert gains_of(lines) is None


def test_an_eraser_is_scored_by_what_it_forgets_and_keeps():
    rows = Rows({("esd, published", 50, "source_forget"): 0.6, ("esd, published", 50, "holdout_delta"): -0.2})
    (line,) = lines_of(tuning("esd", 0.2, score="erase_score"), rows)
    assert line.test == (None, pytest.approx(0.2), None, None)


def test_numbers_at_the_edge_of_the_grid_are_named():
    settings = {"ridge": 10.0, "rate": 2, "kept": True, "weight": 1, "kind": "a"}
    first, best = tuning("uce", 0.2, 0.5).trials
    trials = (first, best.model_copy(update={"settings": settings}))
    found = tuning("uce").model_copy(update={"trials": trials})
    grid = {"ridge": (0.1, 1.0, 10.0), "rate": (1, 2, 3), "kept": (True, False), "weight": (1, 5), "kind": ("a", "b")}
    assert edges_of(found, grid) == ["ridge 10.0 (largest)", "weight 1 (smallest)"]
    assert edges_of(tuning("uce", 0.5, 0.2), grid) == []


def test_gains_are_counted_where_both_rows_have_a_result():
    both = {("uce, published", count, "edit_score"): 0.1 for count in (10, 50, 100)}
    both |= {(f"uce, {TUNED}", count, "edit_score"): value for count, value in {10: 0.3, 50: 0.05, 300: 0.2}.items()}
    cells = gains_of(lines_of(tuning("uce", 0.2, 0.5), Rows(both)))
    assert cells == ["uce", "+0.300", "+0.300", "+0.300", "+0.300", "+0.200", "-0.050", "–", "–", "1 of 2"]


def test_the_page_names_the_erasers():
    assert "of esd, which only erases" in " ".join(
        page_text([tuning("esd", 0.2, score="erase_score")], Rows({})).split()
    )


def test_the_committed_page_is_what_records_and_results_make():
    assert tuning_page.main(["--check"]) == 0, "run `python tools/tuning_page.py --write` and commit the page"


def test_trials_that_failed_are_counted_by_method():
    lost = tuning("two", 0.1, 0.2)
    lost = lost.model_copy(update={"trials": [lost.trials[0], Trial(what="grid", settings={}, at={}, error="nan")]})
    assert failures_of([tuning("one", 0.1), lost]) == " (1 of two failed and have no score)"
    assert failures_of([tuning("one", 0.1)]) == ""

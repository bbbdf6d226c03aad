"""Budgets of sweeps: the part of the prompts whose planned time fits."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from iceb.base.errors import SpecError
from iceb.running.sweeps import within_budget as cutting
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.budget import Choice, ChosenShares, budget_of, choose_share, parse_budget
from iceb.running.sweeps.calibration import Calibrated
from iceb.running.sweeps.estimates import CellEstimate
from iceb.specs.repeats import Repeats
from tests.unit.running.test_sweeps import cells

CELL = cells(1).cells[0]


def estimates(images=1000, edit=100.0, measure=50.0):
    """A sweep of two cells, one finished: `images` of a second each, of which a part is that part."""
    asked = []

    def estimate(share):
        asked.append(share)
        part = share or 1.0
        made = None if measure is None else measure * part
        cell = CellEstimate(CELL, False, after=int(images * part), edit_seconds=edit, measure_seconds=made)
        return [cell, CellEstimate(CELL, True)], Calibrated(1.0, 2000.0)

    return estimate, asked


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("45m", 2700), ("2h", 7200), ("1.5d", 129600)])
def test_a_budget_is_a_time_with_its_unit(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["2", "h", "-2h", "0h", "2 hours", "nan", "9" * 400 + "h"])
def test_anything_else_is_refused(text):
    with pytest.raises(SpecError, match="must be a time above 0 like 90s"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("common", "words"),
    [
        ({"limit": 4}, "`budget` chooses what part is drawn: leave `limit` and `share` out"),
        ({"share": 0.5}, "`budget` chooses what part is drawn: leave `limit` and `share` out"),
        ({"repeats": Repeats(2, 1)}, "`budget` chooses .*: use `draws=1` and `replicates=1` with it"),
        ({"repeats": Repeats(1, 2)}, "`budget` chooses .*: use `draws=1` and `replicates=1` with it"),
    ],
)
def test_a_budget_is_refused_beside_a_chosen_part_and_repeated_edits(common, words):
    sweep = SweepAsk(("uce",), ("aice",), (1,), common=common)
    assert budget_of(None, sweep) is None
    with pytest.raises(SpecError, match=words):
        budget_of("1h", sweep)


def test_all_is_drawn_where_it_fits():
    choice = choose_share(estimates()[0], 1150.0)
    assert choice == Choice(None, 1150.0)
    assert choice.lines(1150.0) == ["budget: everything fits (planned 1150 s of 1150 s)"]


def test_the_part_is_the_largest_of_two_digits_that_fits():
    """By hand: (600 − 100) / (1000 + 50) = 0.476, so 0.47; 100 + 0.47 × 1050 = 593.5."""
    choice = choose_share(estimates()[0], 600.0)
    assert (choice.share, choice.seconds) == (0.47, pytest.approx(593.5))
    assert "share=0.47" in choice.lines(600.0)[0]
    assert "never rank" in choice.lines(600.0)[1]


def test_what_is_not_known_is_said():
    choice = choose_share(estimates(measure=None)[0], 600.0)
    assert choice.unknown == 1
    assert "1 cell of unknown edit or measuring time count without it" in choice.lines(600.0)[0]


def test_a_plan_that_does_not_shrink_with_the_part_is_tried_a_few_times_only():
    """Each role keeps at least one image, so many small cells do not shrink for ever."""
    estimate, asked = estimates()
    with pytest.raises(SpecError, match="`budget`: 100 s are too few: edits take about 100 s"):
        choose_share(estimate, 100.0)
    with pytest.raises(SpecError, match="are too few"):
        choose_share(lambda share: estimate(None), 600.0)
    assert len(asked) < 10


def test_a_budget_that_is_too_small_says_which_part_was_tried_and_what_it_takes():
    with pytest.raises(SpecError, match=r"all prompts about 1050 s, and less than 0\.01 of them is too little"):
        choose_share(estimates()[0], 100.0)
    estimate, _ = estimates()  # a half is always left; tried by hand: all, 0.47, 0.44 and 0.41
    with pytest.raises(SpecError, match=r"`share=0\.41` of the prompts about 525 s, the last part that was tried"):
        choose_share(lambda share: estimate(share and 0.5), 600.0)


def test_a_choice_is_kept_for_the_command_that_goes_on(tmp_path):
    kept = ChosenShares(tmp_path, ["a", "b"], 600.0)
    assert kept.read() is None
    kept.write(Choice(0.47, 593.5, 1))
    assert ChosenShares(tmp_path, ["b", "a"], 600.0).read() == Choice(0.47, 593.5, 1)
    assert ChosenShares(tmp_path, ["a", "b"], 601.0).read() is None
    kept.path.write_text('{"share":')
    assert kept.read() is None


def test_two_sweeps_that_start_at_once_draw_the_same_part(tmp_path, monkeypatch):
    shares, sweep = iter([0.5, 0.25]), SweepAsk(("uce",), ("aice",), (1,))

    def choose(*_):
        time.sleep(0.3)  # both have looked for an earlier choice by now
        return Choice(next(shares), 100.0)

    whole = SimpleNamespace(cells=[CellEstimate(CELL, False)], calibrate=lambda: None)
    monkeypatch.setattr(cutting, "estimate_sweep", lambda *_: whole)
    monkeypatch.setattr(cutting, "choose_share", choose)

    def start(_):
        return cutting.within_budget(sweep, None, tmp_path, 600.0, lambda line: None, keep=True)

    with ThreadPoolExecutor(2) as pool:
        found = {cut.common["share"] for cut in pool.map(start, range(2))}
    assert len(found) == 1
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["budgets"]


def test_images_are_timed_once_for_a_choice_and_never_for_one_that_was_kept(tmp_path, monkeypatch):
    timed, sweep = [], SweepAsk(("uce",), ("aice",), (1,))
    cells = [CellEstimate(CELL, False, after=100)]
    whole = SimpleNamespace(cells=cells, calibrate=lambda: timed.append(1) or Calibrated(10.0, 1.0))
    monkeypatch.setattr(cutting, "estimate_sweep", lambda ask, *_: whole if "share" not in ask.common else part(ask))

    def part(ask):
        return SimpleNamespace(cells=[CellEstimate(CELL, False, after=int(100 * ask.common["share"]))])

    for _ in range(2):
        cut = cutting.within_budget(sweep, None, tmp_path, 500.0, lambda line: None, keep=True)
        assert cut.common["share"] == 0.5
        assert len(timed) == 1

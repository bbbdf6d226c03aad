"""The AICE scores: golden by hand, and what must hold for any probabilities."""

import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb import registry
from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.change import (
    ALIAS2DEST,
    DEST_FORGET,
    DEST_FORGET_PUBLISHED,
    EDIT_SCORE,
    HOLDOUT_DELTA,
    OF_DEST,
    SOURCE2DEST,
    SOURCE_FORGET,
)
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import Score
from iceb.tasks.aice import AICE

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "change.json").read_text(encoding="utf-8"))
NAMES = (*AICE.metrics, *AICE.optional_metrics)
METRICS = {entry.name: entry.load() for entry in entry_points(group="iceb.metrics") if entry.name in NAMES}


def side_of(need, side):
    """The rows of a side that a need reads."""
    places = [place for place, prompt in enumerate(side.prompts) if need.accepts(prompt)]
    return Measured(side.measure, side.values[places], tuple(side.prompts[place] for place in places))


def values_of(metric, before, after):
    """The concepts' statistics, given everything that was measured on both sides."""
    sides = {BEFORE: before, AFTER: after}
    return metric({need.key: {name: side_of(need, sides[name]) for name in need.sides} for need in metric.needs})


def score_of(metric, before, after) -> Score:
    """The score, as a run makes it."""
    return reduce_values(values_of(metric, before, after), metric.reduction)


def golden_prompts():
    rows = GOLDEN["prompts"]["rows"]
    return tuple(
        Prompt(f"text {place}", seed=place, role=role, request=request, label=label, target=target, tags=tuple(tags))
        for place, (role, request, label, target, tags) in enumerate(rows)
    )


def golden_side(name):
    return Measured("judge@1", np.array(GOLDEN[name], dtype=np.float32), golden_prompts())


def source(values, request="a"):
    """A side of one concept's source prompts: p(source) is column 0, p(dest) is column 1."""
    prompts = tuple(Prompt("x", place, "source", request, label=0, target=1) for place in range(len(values)))
    return Measured("judge@1", np.array(values, dtype=np.float32), prompts)


@pytest.mark.parametrize("name", sorted(GOLDEN["scores"]))
def test_every_score_is_as_worked_out_by_hand(name):
    score = score_of(METRICS[name], golden_side("before"), golden_side("after"))
    for field, expected in GOLDEN["scores"][name].items():
        assert getattr(score, field) == pytest.approx(expected, abs=GOLDEN["tolerance"]), field
    assert score.note == ""


def test_every_metric_of_the_task_has_golden_cases():
    assert set(GOLDEN["scores"]) == set(NAMES) == set(METRICS)


def test_the_statistics_of_a_concept_are_its_mean_probabilities():
    """By hand, from the golden rows: concept a's p(dest) is (0 + 0.25) / 2 before and (1 + 0.75) / 2 after."""
    first, second = values_of(SOURCE2DEST, golden_side("before"), golden_side("after"))
    assert (first.concept, first.part, first.before, first.after, first.n) == ("a", "source", 0.125, 0.875, 2)
    assert (second.concept, second.before, second.after) == ("b", 0.0, 0.25)


def test_forgetting_everything_scores_the_old_probability():
    """By hand: p(source) 0.75 → 0.00 on both prompts of one concept, so 0.75; one concept has no standard error."""
    score = score_of(SOURCE_FORGET, source([[0.75, 0.0]] * 2), source([[0.0, 0.0]] * 2))
    assert (score.value, score.stderr, score.n, score.concepts) == (0.75, None, 2, 1)


def test_a_swap_of_source_and_dest_cannot_pass_for_an_edit():
    """Reading the wrong class would turn the sign: what rises to dest must fall from source."""
    before, after = source([[1.0, 0.0]]), source([[0.0, 1.0]])
    assert score_of(SOURCE2DEST, before, after).value == score_of(SOURCE_FORGET, before, after).value == 1.0
    assert score_of(SOURCE2DEST, after, before).value == score_of(SOURCE_FORGET, after, before).value == -1.0


def test_dest_forget_reads_the_holdout_images_of_destination_classes_and_no_others():
    """By hand: class 1 is a destination and falls by 0.5 and 0.25; class 3 is none and falls by 1."""
    prompts = (
        Prompt("a", 0, "holdout", label=1, tags=(OF_DEST,)),
        Prompt("b", 1, "holdout", label=1, tags=(OF_DEST,)),
        Prompt("c", 2, "holdout", label=3),
        Prompt("d", 3, "dest", "r", label=1, target=1),
    )
    before = Measured("judge@1", np.array([[0, 1.0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1.0], [0, 1.0, 0, 0]]), prompts)
    after = Measured("judge@1", np.array([[0, 0.5, 0, 0], [0, 0.25, 0, 0], [0, 0, 0, 0.0], [0, 0.0, 0, 0]]), prompts)
    score = score_of(DEST_FORGET, before, after)
    assert (score.value, score.before, score.after, score.n, score.concepts) == (0.375, 0.75, 0.375, 2, 1)
    assert score_of(DEST_FORGET_PUBLISHED, before, after).value == 1.0
    assert score_of(HOLDOUT_DELTA, before, after).n == 3


def test_prompts_that_were_not_drawn_leave_no_number():
    score = score_of(ALIAS2DEST, source([[1.0, 0.0]]), source([[1.0, 0.0]]))
    assert (score.value, score.stderr, score.n, score.concepts) == (None, None, 0, 0)
    assert score.note == "no alias prompts were drawn"


def test_the_headline_has_no_number_without_both_parts():
    score = score_of(EDIT_SCORE, source([[1.0, 0.0]]), source([[0.0, 1.0]]))
    assert (score.value, score.note) == (None, "no holdout prompts were drawn")


def test_the_headline_of_one_concept_has_a_number_but_no_standard_error():
    prompts = (Prompt("x", 0, "source", "a", 0, 1), Prompt("y", 1, "holdout", None, 1))
    before = Measured("judge@1", np.array([[1.0, 0.0], [0.0, 1.0]]), prompts)
    score = score_of(EDIT_SCORE, before, Measured("judge@1", np.array([[0.5, 0.5], [0.5, 0.5]]), prompts))
    assert (score.value, score.stderr) == (0.0, None)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_number_that_is_no_probability_is_an_error_not_a_score(bad):
    with pytest.raises(MeasureError, match="not a probability"):
        values_of(SOURCE_FORGET, source([[0.5, 0.5]]), source([[bad, 0.0]]))


def test_softmax_rounding_above_one_is_no_error():
    assert score_of(SOURCE_FORGET, source([[1.0 + 2**-23, 0.0]]), source([[0.0, 0.0]])).value == 1.0


def test_the_two_sides_must_be_of_the_same_prompts():
    with pytest.raises(SpecError, match="not of the same prompts"):
        values_of(SOURCE_FORGET, source([[0.5, 0.5]]), source([[0.5, 0.5]], request="b"))


def test_a_prompt_without_the_class_asked_for_is_refused():
    side = Measured("judge@1", np.array([[0.5, 0.5]]), (Prompt("x", 0, "source", "a", label=0),))
    with pytest.raises(SpecError, match="needs the target class"):
        values_of(SOURCE2DEST, side, side)


def test_a_class_beyond_the_measure_is_refused():
    side = Measured("judge@1", np.array([[0.5, 0.5]]), (Prompt("x", 0, "holdout", None, label=2),))
    with pytest.raises(SpecError, match="has 2 classes, a prompt asks for 2"):
        values_of(HOLDOUT_DELTA, side, side)


@st.composite
def sides(draw):
    """Two sides of the same prompts of every role, with arbitrary probabilities."""
    roles = draw(st.lists(st.sampled_from(AICE.roles), min_size=1, max_size=12))
    pairs = [(0, 1) if draw(st.booleans()) else (2, 3) for _ in roles]
    prompts = tuple(
        Prompt("x", place, role, None if role == "holdout" else f"r{label}", label, target, tags=(OF_DEST,))
        for place, (role, (label, target)) in enumerate(zip(roles, pairs, strict=True))
    )
    values = [
        draw(st.lists(st.floats(0, 1, width=32), min_size=4 * len(roles), max_size=4 * len(roles))) for _ in range(2)
    ]
    return tuple(Measured("judge@1", np.array(side, np.float32).reshape(-1, 4), prompts) for side in values)


@given(pair=sides())
def test_scores_lie_between_minus_one_and_one_and_are_after_against_before(pair):
    for metric in METRICS.values():
        score = score_of(metric, *pair)
        if score.value is not None:
            assert -1 <= score.value <= 1
            assert abs(score.value) == pytest.approx(abs(score.after - score.before), abs=1e-12)


@given(pair=sides())
def test_an_empty_edit_scores_exactly_zero(pair):
    for metric in METRICS.values():
        score = score_of(metric, pair[0], pair[0])
        assert score.value in (0.0, None)
        assert score.stderr in (0.0, None)


@given(pair=sides())
def test_swapping_before_and_after_turns_the_sign(pair):
    before, after = pair
    for metric in METRICS.values():
        there, back = score_of(metric, before, after), score_of(metric, after, before)
        if there.value is not None:
            assert back.value == pytest.approx(-there.value, abs=1e-15)
            assert back.stderr == pytest.approx(there.stderr, abs=1e-12)


@given(pair=sides(), data=st.data())
def test_the_order_of_prompts_does_not_matter(pair, data):
    order = data.draw(st.permutations(range(len(pair[0].prompts))))
    mixed = [Measured(side.measure, side.values[order], tuple(side.prompts[i] for i in order)) for side in pair]
    there, again = score_of(EDIT_SCORE, *pair), score_of(EDIT_SCORE, *mixed)
    assert there.value == pytest.approx(again.value, abs=1e-12) if there.value is not None else again.value is None


OURS = ("dest_forget", "subclass2dest", "holdout_seen", "holdout_unseen", "holdout_unnamed")
BY_CAPTIONS = ("celebrity_acc_s", "style_clip_s", "artist_lpips64")


@pytest.mark.parametrize("name", [*OURS, *(f"{of}_{tag}" for of in BY_CAPTIONS for tag in ("seen", "unseen"))])
def test_metrics_of_ours_cite_no_paper(name):
    """dest_forget reads other images than the published one, which has a name of its own."""
    assert registry.load("metrics", name).paper == ""
    assert registry.load("metrics", "dest_forget_published").paper == "arXiv:2403.13807"

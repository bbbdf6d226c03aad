"""The AICE scores: golden by hand, and what must hold for any probabilities."""

import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import MeasureError, SpecError
from iceb.base.statistics import estimate, pooled_estimate
from iceb.metrics.change import ALIAS2DEST, EDIT_SCORE, HOLDOUT_DELTA, SOURCE2DEST, SOURCE_FORGET
from iceb.specs.metrics import Measured
from iceb.specs.prompts import ROLES, Prompt
from iceb.tasks.aice import AICE

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "change.json").read_text(encoding="utf-8"))
METRICS = {entry.name: entry.load() for entry in entry_points(group="iceb.metrics") if entry.name in AICE.metrics}


def golden_prompts():
    rows = GOLDEN["prompts"]["rows"]
    return tuple(
        Prompt(f"text {place}", seed=place, role=role, request=request, label=label, target=target)
        for place, (role, request, label, target) in enumerate(rows)
    )


def golden_side(name):
    return Measured("judge@1", np.array(GOLDEN[name], dtype=np.float32), golden_prompts())


def source(values, request="a"):
    """A side of one concept's source prompts: p(source) is column 0, p(dest) is column 1."""
    prompts = tuple(Prompt("x", place, "source", request, label=0, target=1) for place in range(len(values)))
    return Measured("judge@1", np.array(values, dtype=np.float32), prompts)


@pytest.mark.parametrize("name", sorted(GOLDEN["scores"]))
def test_every_score_is_as_worked_out_by_hand(name):
    score = METRICS[name](golden_side("before"), golden_side("after"))
    for field, expected in GOLDEN["scores"][name].items():
        assert getattr(score, field) == pytest.approx(expected, abs=GOLDEN["tolerance"]), field
    assert score.note == ""


def test_every_metric_of_the_task_has_golden_cases():
    assert set(GOLDEN["scores"]) == set(AICE.metrics) == set(METRICS)


def test_forgetting_everything_scores_the_old_probability():
    """By hand: p(source) 0.75 → 0.00 on both prompts of one concept, so 0.75; one concept has no standard error."""
    score = SOURCE_FORGET(source([[0.75, 0.0]] * 2), source([[0.0, 0.0]] * 2))
    assert (score.value, score.stderr, score.n, score.concepts) == (0.75, None, 2, 1)


def test_a_swap_of_source_and_dest_cannot_pass_for_an_edit():
    """Reading the wrong class would turn the sign: what rises to dest must fall from source."""
    before, after = source([[1.0, 0.0]]), source([[0.0, 1.0]])
    assert SOURCE2DEST(before, after).value == SOURCE_FORGET(before, after).value == 1.0
    assert SOURCE2DEST(after, before).value == SOURCE_FORGET(after, before).value == -1.0


def test_prompts_that_were_not_drawn_leave_no_number():
    score = ALIAS2DEST(source([[1.0, 0.0]]), source([[1.0, 0.0]]))
    assert (score.value, score.stderr, score.n, score.concepts) == (None, None, 0, 0)
    assert score.note == "no alias prompts were drawn"


def test_the_headline_has_no_number_without_both_parts():
    score = EDIT_SCORE(source([[1.0, 0.0]]), source([[0.0, 1.0]]))
    assert (score.value, score.note) == (None, "no holdout prompts were drawn")


def test_the_headline_of_one_concept_has_a_number_but_no_standard_error():
    prompts = (Prompt("x", 0, "source", "a", 0, 1), Prompt("y", 1, "holdout", None, 1))
    before = Measured("judge@1", np.array([[1.0, 0.0], [0.0, 1.0]]), prompts)
    score = EDIT_SCORE(before, Measured("judge@1", np.array([[0.5, 0.5], [0.5, 0.5]]), prompts))
    assert (score.value, score.stderr) == (0.0, None)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_number_that_is_no_probability_is_an_error_not_a_score(bad):
    with pytest.raises(MeasureError, match="not a probability"):
        SOURCE_FORGET(source([[0.5, 0.5]]), source([[bad, 0.0]]))


def test_softmax_rounding_above_one_is_no_error():
    assert SOURCE_FORGET(source([[1.0 + 2**-23, 0.0]]), source([[0.0, 0.0]])).value == 1.0


def test_the_two_sides_must_be_of_the_same_prompts():
    with pytest.raises(SpecError, match="not of the same prompts"):
        SOURCE_FORGET(source([[0.5, 0.5]]), source([[0.5, 0.5]], request="b"))


def test_a_prompt_without_the_class_asked_for_is_refused():
    side = Measured("judge@1", np.array([[0.5, 0.5]]), (Prompt("x", 0, "source", "a", label=0),))
    with pytest.raises(SpecError, match="needs the target class"):
        SOURCE2DEST(side, side)


def test_a_class_beyond_the_measure_is_refused():
    side = Measured("judge@1", np.array([[0.5, 0.5]]), (Prompt("x", 0, "holdout", None, label=2),))
    with pytest.raises(SpecError, match="has 2 classes, a prompt asks for 2"):
        HOLDOUT_DELTA(side, side)


@st.composite
def sides(draw):
    """Two sides of the same prompts of every role, with arbitrary probabilities."""
    roles = draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=12))
    pairs = [(0, 1) if draw(st.booleans()) else (2, 3) for _ in roles]
    prompts = tuple(
        Prompt("x", place, role, None if role == "holdout" else f"r{label}", label, target)
        for place, (role, (label, target)) in enumerate(zip(roles, pairs, strict=True))
    )
    values = [
        draw(st.lists(st.floats(0, 1, width=32), min_size=4 * len(roles), max_size=4 * len(roles))) for _ in range(2)
    ]
    return tuple(Measured("judge@1", np.array(side, np.float32).reshape(-1, 4), prompts) for side in values)


@given(pair=sides())
def test_scores_lie_between_minus_one_and_one_and_are_after_against_before(pair):
    for metric in METRICS.values():
        score = metric(*pair)
        if score.value is not None:
            assert -1 <= score.value <= 1
            assert abs(score.value) == pytest.approx(abs(score.after - score.before), abs=1e-12)


@given(pair=sides())
def test_an_empty_edit_scores_exactly_zero(pair):
    for metric in METRICS.values():
        score = metric(pair[0], pair[0])
        assert score.value in (0.0, None)
        assert score.stderr in (0.0, None)


@given(pair=sides())
def test_swapping_before_and_after_turns_the_sign(pair):
    before, after = pair
    for metric in METRICS.values():
        there, back = metric(before, after), metric(after, before)
        if there.value is not None:
            assert back.value == pytest.approx(-there.value, abs=1e-15)
            assert back.stderr == pytest.approx(there.stderr, abs=1e-12)


@given(pair=sides(), data=st.data())
def test_the_order_of_prompts_does_not_matter(pair, data):
    order = data.draw(st.permutations(range(len(pair[0].prompts))))
    mixed = [Measured(side.measure, side.values[order], tuple(side.prompts[i] for i in order)) for side in pair]
    there, again = EDIT_SCORE(*pair), EDIT_SCORE(*mixed)
    assert there.value == pytest.approx(again.value, abs=1e-12) if there.value is not None else again.value is None


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.integers(1, 4))
def test_pooling_concepts_of_equal_size_is_the_mean_of_their_means(means, each):
    values, clusters = [v for v in means for _ in range(each)], [c for c in range(len(means)) for _ in range(each)]
    pooled, plain = pooled_estimate(values, clusters), estimate(values, clusters)
    assert pooled.mean == pytest.approx(plain.mean, abs=1e-12)
    assert pooled.stderr == pytest.approx(plain.stderr, abs=1e-12)


def test_the_pooled_standard_error_agrees_with_a_simulated_design():
    """2000 draws of 40 concepts of 1 to 6 pictures that share an effect: the mean squared error is the variance."""
    noise = np.random.default_rng(1)
    sizes = noise.integers(1, 7, 40)
    clusters = np.repeat(np.arange(40), sizes)
    draws = noise.normal(0, 0.2, (2000, 40))[:, clusters] + noise.normal(0, 0.1, (2000, len(clusters)))
    found = [pooled_estimate(row.tolist(), clusters.tolist()) for row in draws]
    claimed = np.mean([one.stderr**2 for one in found if one.stderr is not None])
    assert claimed == pytest.approx(np.var([one.mean for one in found]), rel=0.1)


def test_pooling_nothing_is_an_error():
    with pytest.raises(ValueError, match="no values"):
        pooled_estimate([], [])

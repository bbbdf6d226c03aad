"""Numbers read off a score against the number of edits: hand-worked examples, and what holds of every curve."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.statistics.capacity import BEYOND, NOWHERE, Curve, EditRange, areas, capacities, capacity_scores, half_lives
from iceb.statistics.capacity_intervals import Estimate, percentile_ends, resampled_scores
from iceb.statistics.intervals import RESAMPLES

COUNTS = (1, 10, 50, 100, 200, 300)
SCORES = st.lists(st.floats(0, 1), min_size=len(COUNTS), max_size=len(COUNTS)).map(np.array)
LEVELS = st.floats(0.01, 1)


def read(scores, level, counts=COUNTS):
    return float(capacities(counts, np.array(scores, dtype=float), level))


def test_a_capacity_is_where_the_line_over_log_n_passes_the_level():
    # from 0.7 at 100 to 0.4 at 200 the line passes 0.5 after two thirds of the way: 100 · 2^(2/3)
    assert read([1, 0.9, 0.8, 0.7, 0.4, 0.1], 0.5) == pytest.approx(100 * 2 ** (2 / 3))
    assert read([1, 0.9, 0.8, 0.5, 0.4, 0.1], 0.5) == 100
    assert read([1, 0.9, 0.8, 0.7, 0.5, 0.1], 0.4) == pytest.approx(200 * 1.5**0.25)


def test_nothing_is_said_beyond_the_measured_numbers_of_edits():
    assert read([1, 0.9, 0.9, 0.8, 0.7, 0.6], 0.5) == BEYOND
    assert read([0.4, 0.3, 0.3, 0.2, 0.2, 0.1], 0.5) == NOWHERE
    assert read([0.4, 0.3, 0.3, 0.2, 0.2, 0.6], 0.5) == BEYOND  # the largest number at which it holds, whatever before


def test_one_measured_number_tells_on_which_side_of_it_the_capacity_lies():
    assert read([0.6], 0.5, (300,)) == BEYOND
    assert read([0.4], 0.5, (300,)) == NOWHERE


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, LEVELS)
def test_a_better_curve_never_has_a_smaller_capacity_or_area(scores, gains, level):
    better = np.clip(scores + gains, 0, 1)
    assert read(better, level) >= read(scores, level) * (1 - 1e-9)
    assert areas(COUNTS, better) >= areas(COUNTS, scores) - 1e-12


@settings(max_examples=60, deadline=None)
@given(SCORES, LEVELS, LEVELS)
def test_a_higher_level_never_has_a_larger_capacity(scores, first, second):
    assert read(scores, max(first, second)) <= read(scores, min(first, second)) * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1))
def test_a_constant_curves_area_is_its_constant(height):
    assert areas(COUNTS, np.full(len(COUNTS), height)) == pytest.approx(height, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_the_area_of_a_falling_curve_is_the_mean_place_of_its_capacities(scores):
    falling = np.sort(scores)[::-1]
    levels = (np.arange(2000) + 0.5) / 2000
    found = np.array([min(max(read(falling, level), 1), 300) for level in levels])
    assert areas(COUNTS, falling) == pytest.approx(np.log(found).mean() / math.log(300), abs=2e-3)


def test_the_area_weighs_numbers_of_edits_by_their_logarithm():
    # half of log 1…100 lies below 10: (1 + 1) / 2 · 1/2 + (1 + 0) / 2 · 1/2
    assert areas([1, 10, 100], np.array([1.0, 1.0, 0.0])) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="one number of edits"):
        areas([300], np.array([0.5]))


def test_a_half_life_is_the_first_number_at_half_of_the_first_score():
    # from 0.8 to 0.4: between 10 (0.6) and 50 (0.2) half of the way, √(10 · 50)
    assert half_lives(COUNTS, np.array([0.8, 0.6, 0.2, 0.1, 0.5, 0.5])) == pytest.approx(math.sqrt(500))
    assert half_lives(COUNTS, np.array([0.8, 0.6, 0.5, 0.5, 0.5, 0.41])) == BEYOND
    assert math.isnan(half_lives(COUNTS, np.zeros(len(COUNTS))))


def test_the_capacity_score_is_the_lower_score_within_0_and_1():
    found = capacity_scores(np.array([1.04, 0.9, -0.2]), np.array([0.7, 1.1, 1.0]))
    assert found.tolist() == [0.7, 0.9, 0.0]


def test_no_number_is_read_off_where_a_declared_number_was_not_measured():
    curve = Curve((1, 100, 300), gaps=(10, 50, 200))
    assert curve.range_of(4.0) == EditRange(1, 100)
    assert curve.range_of(100.0) == EditRange(100, 100)
    assert Curve((1, 100, 300), gaps=(200,)).range_of(4.0) == EditRange(4, 4)
    low, high = curve.ends(4.0, 150.0)
    assert (low.text(), high.text(up=True)) == ("1", "300")
    assert [each.text() for each in curve.ends(NOWHERE, BEYOND)] == ["< 1", "≥ 300"]


def test_whole_numbers_stay_whole_in_either_rounding():
    for count in (10, 99, 300):
        exact = float(np.exp(np.log(count)))
        assert EditRange(exact, exact).text() == EditRange(exact, exact).text(up=True) == str(count)


def made_estimates(random, clusters, count):
    return [Estimate(0.5, 0.3 / clusters * random.normal(size=clusters)) for _ in range(count)]


def test_resampled_scores_scatter_as_the_influences_say():
    random = np.random.default_rng(3)
    influences = 0.5 / 200 * random.normal(size=200)
    sure = Estimate(1.0, np.zeros(200))
    drawn = resampled_scores([Estimate(0.5, influences - influences.mean(), extra=0.02**2)], [sure])
    assert drawn.shape == (RESAMPLES, 1)
    expected = math.sqrt(float((influences**2).sum()) + 0.02**2)
    assert float(drawn.std()) == pytest.approx(expected, rel=0.08)


def test_clusters_are_shared_by_all_numbers_of_edits_and_both_scores():
    influences = 0.002 * np.random.default_rng(5).normal(size=100)
    same = [Estimate(0.5, influences), Estimate(0.4, influences)]
    drawn = resampled_scores(same, [Estimate(1.0, np.zeros(100))] * 2)
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(1.0, abs=1e-9)


def test_the_lower_of_two_equal_scores_is_corrected_for_being_too_low():
    """Two independent normal scores of one standard deviation: their minimum's median lies 0.545 below."""
    random = np.random.default_rng(6)
    one, other = (0.02 / 20 * random.normal(size=400) for _ in range(2))
    alike = [[Estimate(0.5, each - each.mean())] for each in (one, other)]
    drawn = resampled_scores(*alike)
    assert float(np.median(drawn)) == pytest.approx(0.5 + 0.545 * 0.02, abs=0.003)
    far = resampled_scores(alike[0], [Estimate(0.9, other - other.mean())])
    assert float(np.median(far)) == pytest.approx(0.5, abs=0.003)


def test_intervals_may_end_where_nothing_is_known():
    assert percentile_ends(np.r_[np.full(500, 7.0), np.full(499, BEYOND)]) == (7.0, BEYOND)
    assert percentile_ends(np.full(999, NOWHERE)) == (NOWHERE, NOWHERE)

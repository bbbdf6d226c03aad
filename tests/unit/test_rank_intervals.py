"""Ranks are intervals that rows share which no test tells apart; anchored scores keep their order."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.statistics.anchored import Anchors, anchored_score
from iceb.statistics.capacity import capacity_scores
from iceb.statistics.rank_intervals import rank_intervals, tie_groups

GAINS = st.lists(st.floats(-1, 1), min_size=1, max_size=9)
METRICS = ("edited", "kept", "forgotten")
VALUES = st.fixed_dictionaries({name: st.floats(-1, 1) for name in METRICS})


def proven(gains, least):
    """Which row is better by more than `least`."""
    values = np.array(gains)
    return values[:, None] - values > least


@given(GAINS)
def test_with_every_difference_proven_ranks_order_the_values(gains):
    for found, gain in zip(rank_intervals(proven(gains, 0.0)), gains, strict=True):
        assert found.first == 1 + sum(other > gain for other in gains)
        assert found.last == sum(other >= gain for other in gains)


@given(GAINS, st.floats(0, 1))
def test_a_better_value_never_has_a_worse_interval(gains, least):
    found = rank_intervals(proven(gains, least))
    for (one, mine), (other, theirs) in itertools.permutations(zip(gains, found, strict=True), 2):
        if one > other:
            assert mine.first <= theirs.first
            assert mine.last <= theirs.last


@given(GAINS, st.floats(0, 1))
def test_rows_share_a_letter_exactly_where_no_test_tells_them_apart(gains, least):
    better = proven(gains, least)
    found = rank_intervals(better)
    for i, j in itertools.combinations(range(len(gains)), 2):
        alike = not (better[i, j] or better[j, i])
        assert bool(set(found[i].groups.split()) & set(found[j].groups.split())) == alike


@given(st.integers(1, 7), st.randoms(use_true_random=False))
def test_tie_groups_are_the_maximal_cliques(count, random):
    alike = np.zeros((count, count), dtype=bool)
    for i, j in itertools.combinations(range(count), 2):
        alike[i, j] = alike[j, i] = random.random() < 0.5
    sets = [
        set(some)
        for size in range(1, count + 1)
        for some in itertools.combinations(range(count), size)
        if all(alike[pair] for pair in itertools.combinations(some, 2))
    ]
    largest = [group for group in sets if not any(group < other for other in sets)]
    assert sorted(map(sorted, largest)) == [list(group) for group in tie_groups(alike)]


ANCHORS = {"edited": Anchors(0.0, 1.0), "kept": Anchors(0.5, 0.9), "forgotten": Anchors(0.9, 0.1)}


def anchored_scores(values):
    """Each metric's value between its anchors."""
    return {name: anchored_score(values[name], each) for name, each in ANCHORS.items()}


def composite(values):
    """Two metrics in one score, as leaderboards join them: the capacity score, the lower of the two."""
    found = anchored_scores(values)
    return float(capacity_scores(np.array(found["edited"]), np.array(found["kept"])))


@given(VALUES, VALUES)
def test_a_strictly_better_model_never_ranks_lower(first, second):
    """Better in every metric, whichever direction is better there.

    That adding a method moves no score is tested on whole tables, in test_capacity_pages.py.
    """
    if all((first[name] - second[name]) * (each.ceiling - each.floor) > 0 for name, each in ANCHORS.items()):
        mine, theirs = anchored_scores(first), anchored_scores(second)
        assert all(mine[name] > theirs[name] or mine[name] == pytest.approx(theirs[name]) for name in ANCHORS)
        assert composite(first) >= composite(second) or composite(first) == pytest.approx(composite(second))


def test_the_unedited_model_is_0_and_the_ceiling_1():
    for each in ANCHORS.values():
        assert (anchored_score(each.floor, each), anchored_score(each.ceiling, each)) == pytest.approx((0, 1))


def test_equal_anchors_make_no_scale():
    with pytest.raises(ValueError, match="make no scale"):
        anchored_score(0.3, Anchors(0.5, 0.5))

"""Standard errors are over concepts; ranks admit ties but no chains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.statistics import estimate, tied_ranks

VALUES = st.lists(st.floats(-1, 1), min_size=1, max_size=8)


def test_pictures_of_one_concept_count_as_one():
    """By hand: cluster means 0.0 and 1.0, so mean 0.5 and standard error sqrt(0.5 / 2) = 0.5."""
    found = estimate([0.0, 0.0, 0.0, 1.0], ["a", "a", "a", "b"])
    assert (found.mean, found.stderr, found.n, found.concepts) == (0.5, 0.5, 4, 2)


def test_one_concept_has_no_standard_error():
    assert estimate([0.3, 0.5], ["a", "a"]).stderr is None


def test_no_values_is_an_error_not_a_zero():
    with pytest.raises(ValueError, match="no values"):
        estimate([], [])


@given(VALUES)
def test_without_errors_ranks_order_the_values(values):
    ranks = tied_ranks(values, [None] * len(values))
    for mine, value in zip(ranks, values, strict=True):
        assert mine == 1 + sum(other > value for other in values)


@given(VALUES)
def test_lower_is_better_mirrors_higher_is_better(values):
    errors = [0.1] * len(values)
    assert tied_ranks(values, errors) == tied_ranks([-value for value in values], errors, higher_is_better=False)


def test_a_chain_of_near_ties_does_not_reach_the_top():
    assert tied_ranks([0.50, 0.48, 0.46], [0.03, 0.03, 0.03]) == [1, 1, 3]

"""Ranks admit ties but no chains."""

from hypothesis import given
from hypothesis import strategies as st

from iceb.statistics.estimates import tied_ranks

VALUES = st.lists(st.floats(-1, 1), min_size=1, max_size=8)


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

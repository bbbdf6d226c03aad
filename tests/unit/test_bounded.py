"""One-sided tests by bounds: the binomial test where values are 0 and 1, and what an unseen value does to the rest."""

import numpy as np
import pytest
from scipy import stats

from iceb.statistics.bounded import RESAMPLES, BoundedMean


def of_values(values, low=0.0, high=1.0, sizes=None):
    means = np.asarray(values, dtype=float)
    return BoundedMean(means, np.ones_like(means) if sizes is None else np.asarray(sizes, dtype=float), low, high)


@pytest.mark.parametrize("successes", [0, 3, 17, 29, 30])
@pytest.mark.parametrize("bound", [0.05, 0.4, 0.9])
def test_of_values_of_0_and_1_it_is_the_binomial_test(successes, bound):
    found = of_values([1.0] * successes + [0.0] * (30 - successes))
    error = 4 * np.sqrt(0.25 / RESAMPLES) + 1 / RESAMPLES
    for side, alternative in ((found.p_above, "greater"), (found.p_below, "less")):
        exact = stats.binomtest(successes, 30, bound, alternative=alternative).pvalue
        assert float(side(bound)) == pytest.approx(exact, abs=error)


def test_what_no_cluster_shows_is_not_excluded():
    """Thirty classes that lost nothing: one in ten may still lose all, with a probability of 0.9 to the 30."""
    found = of_values([0.0] * 30, low=-1.0, high=1.0)
    assert float(found.p_above(-0.1)) == pytest.approx(0.9**30, abs=0.005)
    assert float(found.p_above(-0.03)) > 0.3
    assert float(of_values([0.0] * 300, low=-1.0).p_above(-0.03)) < 0.001


def test_both_sides_mirror_each_other_and_scales_do_not_matter():
    values = np.random.default_rng(3).random(20)
    above = float(of_values(values).p_above(0.3))
    assert float(of_values(1 - values).p_below(0.7)) == pytest.approx(above, abs=1e-12)
    assert float(of_values(5 * values, high=5.0).p_above(1.5)) == above
    assert float(of_values(values, sizes=[7.0] * 20).p_above(0.3)) == above


def test_an_unseen_cluster_is_as_large_as_the_largest():
    values = np.linspace(0.6, 0.9, 20)
    even, uneven = of_values(values), of_values(values, sizes=[10.0, *[1.0] * 19])
    assert float(uneven.p_above(0.4)) > float(even.p_above(0.4))


def test_a_wider_range_and_a_nearer_bound_never_lower_it():
    values = np.random.default_rng(4).random(25)
    ps = [float(of_values(values, low=low).p_above(0.2)) for low in (0.0, -0.5, -1.0)]
    assert ps == sorted(ps)
    ps = [float(of_values(values).p_above(bound)) for bound in (0.1, 0.2, 0.3, 0.4)]
    assert ps == sorted(ps)

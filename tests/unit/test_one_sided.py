"""One-sided tests: scipy's where nothing is skewed, the more careful of two where something is."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from iceb.statistics.intervals import skew_interval
from iceb.statistics.one_sided import Estimate, p_above, p_below, p_within, skewness_of


def estimate_of(sample, *, skewed=True):
    count = len(sample)
    apart = (sample - sample.mean()) / count
    skew = skewness_of(apart) if skewed else np.array(0.0)
    return Estimate(np.array(sample.mean()), np.array(stats.sem(sample)), np.array(count - 1.0), skew)


def test_without_skewness_they_are_scipys():
    sample = np.random.default_rng(0).normal(0.3, 1.0, 40)
    found = estimate_of(sample, skewed=False)
    for bound in (-0.5, 0.0, 0.6):
        above, below = (stats.ttest_1samp(sample, bound, alternative=each).pvalue for each in ("greater", "less"))
        assert float(p_above(found, bound)) == pytest.approx(above, abs=1e-12)
        assert float(p_below(found, bound)) == pytest.approx(below, abs=1e-12)
    two = max(stats.ttest_1samp(sample, each, alternative=a).pvalue for each, a in ((-0.5, "greater"), (0.5, "less")))
    assert float(p_within(found, 0.5)) == pytest.approx(two, abs=1e-12)


def test_skewness_is_scipys_of_the_mean():
    sample = np.random.default_rng(1).exponential(1.0, 50)
    assert float(skewness_of((sample - 1) / 50)) != 0
    found = float(skewness_of((sample - sample.mean()) / 50))
    assert found == pytest.approx(stats.skew(sample) / np.sqrt(50))
    assert float(skewness_of(np.zeros(5))) == 0.0


def test_the_end_of_halls_interval_has_halls_level():
    """Of a long right tail: a bound at the upper end is passed at 5 %, at the lower one t alone is stricter."""
    sample = np.random.default_rng(2).exponential(1.0, 200)
    low, high = skew_interval(sample, level=0.9)
    found = estimate_of(sample)
    assert float(p_below(found, float(high))) == pytest.approx(0.05, abs=0.005)
    assert float(p_above(found, float(low))) > 0.05


def test_the_larger_of_both_counts_and_nothing_falls_with_the_value():
    skewed = [estimate_of(np.array([0.0] * 29 + [1.0]) + each) for each in np.linspace(-1, 1, 101)]
    found = [float(p_above(each)) for each in skewed]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(found))
    plain = [float(p_above(Estimate(each.value, each.stderr, each.freedom, np.array(0.0)))) for each in skewed]
    assert all(one >= other for one, other in zip(found, plain, strict=True))


def test_without_scatter_a_value_beyond_its_bound_is_sure_and_one_on_it_is_not():
    sure = Estimate(*(np.array(each) for each in (0.2, 0.0, 9.0, 0.0)))
    assert [float(p_above(sure, bound)) for bound in (0.1, 0.2, 0.3)] == [0.0, 1.0, 1.0]
    assert float(p_within(sure, 0.3)) == 0.0

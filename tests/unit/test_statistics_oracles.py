"""Intervals, tests and power agree with statsmodels, scipy and errorbars to 1e-9."""

import numpy as np
import pytest
from scipy import stats

from iceb.specs.influences import Influences, design_of, influences_of
from iceb.specs.reduction import ConceptValue, Part, Reduction
from iceb.statistics import intervals
from iceb.statistics.clusters import Design, codes, effective_clusters
from iceb.statistics.paired_tests import holm, sign_flip_pvalue, t_difference
from iceb.statistics.power import detectable_difference, power_of_t

paired_compare = pytest.importorskip("errorbars.compare").paired_compare
sm = pytest.importorskip("statsmodels.api")

CLOSE = 1e-9


def shared_design(seed=0, requests=60, dests=25):
    """Differences of requests that share destinations, with the destinations."""
    random = np.random.default_rng(seed)
    clusters = random.integers(0, dests, requests)
    return random.normal(size=requests) + 0.4 * random.normal(size=dests)[clusters] + 0.2, codes(clusters.tolist())


def difference_of(apart, clusters):
    """Our difference: the mean, with its error over clusters."""
    count = len(apart)
    zeros = np.zeros(count, dtype=np.int64)
    design = Design(zeros, np.arange(count), clusters, zeros, np.full(count, 1 / count))
    variance, freedom = design.variance((apart - apart.mean()) / count)
    return t_difference(float(apart.mean()), float(variance), float(freedom))


@pytest.mark.parametrize("seed", range(5))
def test_a_clustered_difference_is_that_of_a_cluster_robust_regression_on_a_constant(seed):
    apart, clusters = shared_design(seed)
    fit = sm.OLS(apart, np.ones(len(apart))).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    found = difference_of(apart, clusters)
    assert found.value == pytest.approx(fit.params[0], abs=CLOSE)
    assert found.stderr == pytest.approx(fit.bse[0], abs=CLOSE)
    assert found.p == pytest.approx(fit.pvalues[0], abs=CLOSE)
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[0]), abs=CLOSE)


@pytest.mark.parametrize("seed", range(5))
def test_a_paired_difference_is_that_of_errorbars_with_clusters_and_without(seed):
    apart, clusters = shared_design(seed)
    second = np.random.default_rng(seed).normal(size=len(apart))
    theirs = paired_compare(apart + second, second, clusters=clusters)
    plain, clustered = difference_of(apart, np.arange(len(apart))), difference_of(apart, clusters)
    for mine, other in (
        (plain.value, theirs.mean_diff),
        (plain.stderr, theirs.se_paired),
        (plain.p, theirs.p_value),
        (plain.low, theirs.ci_low),
        (clustered.stderr, theirs.se_clustered),
        (clustered.p, theirs.p_value_clustered),
        (clustered.high, theirs.ci_high_clustered),
    ):
        assert mine == pytest.approx(other, abs=CLOSE)


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_values_are_those_of_statsmodels_and_errorbars(seed):
    from errorbars.leaderboard import holm_correction
    from statsmodels.stats.multitest import multipletests

    pvalues = np.random.default_rng(seed).beta(0.3, 1, 30).tolist()
    assert holm(pvalues) == pytest.approx(multipletests(pvalues, method="holm")[1].tolist(), abs=CLOSE)
    assert holm(pvalues) == pytest.approx(holm_correction(pvalues), abs=CLOSE)


@pytest.mark.parametrize("count", [5, 11, 14])
def test_few_sign_changes_are_all_tried_as_scipy_tries_them(count):
    sums = np.random.default_rng(count).normal(0.4, 1, count)
    theirs = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    both_tails = min(1.0, theirs.pvalue)
    assert sign_flip_pvalue(sums.tolist()) == pytest.approx(both_tails, abs=CLOSE)


def test_many_sign_changes_come_near_to_scipy_and_to_t():
    sums = np.random.default_rng(3).normal(0.25, 1, 80)
    assert sign_flip_pvalue(sums.tolist()) == pytest.approx(stats.ttest_1samp(sums, 0).pvalue, abs=0.02)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
@pytest.mark.parametrize("count", [10, 30, 100])
def test_bootstrap_intervals_are_those_of_scipy_on_the_same_resamples(method, count):
    sample = np.random.default_rng(count).beta(0.3, 0.6, count)
    theirs = stats.bootstrap(
        (sample,), np.mean, n_resamples=999, method=method, rng=np.random.default_rng(7), vectorized=True
    ).confidence_interval
    counts = intervals.resample_counts(count, np.random.default_rng(7))
    made = (intervals.bca_interval if method == "BCa" else intervals.percentile_interval)(sample, counts)
    assert tuple(map(float, made)) == pytest.approx((theirs.low, theirs.high), abs=CLOSE)


def test_students_interval_is_scipys():
    sample = np.random.default_rng(1).normal(size=(4, 12))
    low, high = intervals.t_interval(sample)
    theirs = stats.t.interval(0.95, 11, loc=sample.mean(axis=1), scale=stats.sem(sample, axis=1))
    assert np.allclose((low, high), theirs, atol=CLOSE, rtol=0)


def test_wilsons_interval_is_statsmodels_with_the_clusters_number():
    from statsmodels.stats.proportion import proportion_confint

    sample = np.array([1.0] * 14 + [0.0] * 6)
    low, high = intervals.wilson_interval(sample)
    alpha = 2 * stats.norm.sf(stats.t.isf(0.025, 19))
    assert (float(low), float(high)) == pytest.approx(proportion_confint(14 * 19 / 20, 19, alpha, "wilson"), abs=CLOSE)


def test_the_skewed_interval_is_students_without_skewness():
    sample = np.array([-2.0, -1.0, 0.0, 1.0, 2.0] * 4)
    assert np.allclose(intervals.skew_interval(sample), intervals.t_interval(sample), atol=CLOSE)


@pytest.mark.parametrize("concepts", [10, 64, 300])
def test_power_is_that_of_statsmodels(concepts):
    from statsmodels.stats.power import TTestPower

    theirs = TTestPower().power(0.3, concepts, 0.05, alternative="two-sided")
    assert power_of_t(0.3, 1 / np.sqrt(concepts), concepts - 1.0) == pytest.approx(theirs, abs=CLOSE)


def test_a_detectable_difference_has_the_power_that_was_asked_for():
    from iceb.statistics.power import PairedVariance

    variance = PairedVariance(0.2, 0.0004, 0.0001)
    found = detectable_difference(variance, 100, 3)
    assert power_of_t(found, variance.error(100, 3), variance.freedom(100, 3)) == pytest.approx(0.8, abs=1e-6)


def test_effective_clusters_are_their_number_where_they_weigh_the_same():
    assert effective_clusters(np.ones(12), codes(list("aabbccddeeff"))) == pytest.approx(6)


def values_of(random, parts=("source",), concepts=40, draws=("",), images=5):
    """Statistics of some concepts in some parts and draws."""
    return [
        ConceptValue(
            f"{part} {place}{draw if part == 'source' else ''}", part, *random.random(2), images, 0, draw, draw
        )
        for part in parts
        for draw in draws
        for place in range(concepts)
    ]


def influences_and_score(values, reduction):
    from iceb.specs.reduce import reduce_values

    found = influences_of(values, reduction)
    assert isinstance(found, Influences)
    return found, reduce_values(values, reduction)


@pytest.mark.parametrize("combine", ["sum", "harmonic", "geometric"])
def test_influences_make_the_score_and_the_error_of_the_reducer(combine):
    parts = {"source": Part(0.5, "after"), "holdout": Part(0.5, "after")}
    values = values_of(np.random.default_rng(4), tuple(parts))
    found, score = influences_and_score(values, Reduction(parts, combine=combine))
    variance, _ = design_of(found.keys, found.shares, {}).variance(np.array(list(found.numbers.values())))
    assert (found.value, float(np.sqrt(variance))) == pytest.approx((score.value, score.stderr), abs=CLOSE)


def test_influences_of_disjoint_draws_make_the_error_of_the_reducer():
    values = values_of(np.random.default_rng(5), draws=tuple("abcdefghijkl"), concepts=10)
    found, score = influences_and_score(values, Reduction({"source": Part()}))
    variance, _ = design_of(found.keys, found.shares, {}).variance(np.array(list(found.numbers.values())))
    assert float(np.sqrt(variance)) == pytest.approx(score.stderr, abs=CLOSE)

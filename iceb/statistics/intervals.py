"""Candidate 95 % confidence intervals of a mean over clusters, compared by simulation.

`tools/simulations/intervals.py` compares their coverage.

Every function takes cluster means along the last axis, (…, G), each cluster with the same weight, and returns the two
ends, (…). Several simulated samples go through at once.
"""

from typing import TypeAlias

import numpy as np

from iceb.statistics.clusters import Codes, Floats
from iceb.statistics.estimates import LEVEL

Ends: TypeAlias = tuple[Floats, Floats]
RESAMPLES = 999
SEED = 20240320  # of the resamples: the same sample has the same interval


def chosen_interval(value: float, influences: Floats) -> tuple[float, float]:
    """The interval that the simulation chose for a mean over clusters: BCa (Efron 1987) of influences.

    From 100 clusters on it covers within a point of 95 % but where a few of them make the whole mean, and at 300 there
    too; Student's t needs more (docs/statistics.md). Not for fewer than ten clusters.
    """
    count = len(influences)
    low, high = bca_interval(value + count * influences, resample_counts(count, np.random.default_rng(SEED)))
    return float(low), float(high)


def t_interval(means: Floats, level: float = LEVEL) -> Ends:
    """Student's t over clusters (Student 1908): mean ± t(G - 1) s / √G.

    >>> low, high = t_interval(np.array([0.0, 1.0, 2.0, 3.0]))
    >>> round(float(low), 4), round(float(high), 4)
    (-0.5543, 3.5543)
    """
    from scipy.special import stdtrit

    count = means.shape[-1]
    mean, error = means.mean(axis=-1), _error(means)
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * error
    return mean - reach, mean + reach


def skew_interval(means: Floats, level: float = LEVEL) -> Ends:
    """Student's t, corrected for skewness by Hall's monotone transformation (Hall 1992, equation 2.3).

    The studentised mean T is made symmetric by g(T) = T + κ T² / 3 + κ² T³ / 27 + κ / 6, κ the skewness over √G,
    and the interval is g's inverse at the quantiles of t.
    """
    from scipy.special import stdtrit

    count = means.shape[-1]
    mean, error, skew = means.mean(axis=-1), _error(means), _skewness(means)
    kappa = skew / np.sqrt(count)
    reach = float(stdtrit(count - 1, (1 + level) / 2))
    return mean - error * _inverse(reach, kappa), mean - error * _inverse(-reach, kappa)


def _inverse(quantile: float, kappa: Floats) -> Floats:
    """The T at which Hall's transformation takes this value."""
    small = np.abs(kappa) < 1e-8
    safe = np.where(small, 1.0, kappa)
    shifted = quantile - kappa / 6
    found: Floats = np.where(small, quantile, 3 / safe * (np.cbrt(1 + safe * shifted) - 1))
    return found


def logit_interval(means: Floats, level: float = LEVEL) -> Ends:
    """Student's t of the mean's logit, by the delta method (Agresti 2013, 3.1); for [0, 1]."""
    from scipy.special import expit, logit, stdtrit

    count = means.shape[-1]
    mean, error = means.mean(axis=-1), _error(means)
    inside = np.clip(mean, 1e-12, 1 - 1e-12)
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * error / (inside * (1 - inside))
    return expit(logit(inside) - reach), expit(logit(inside) + reach)


def wilson_interval(means: Floats, level: float = LEVEL) -> Ends:
    """Wilson's (1927) score interval of a share, for clusters.

    The number of observations is the mean's binomial variance over its clustered one (Korn and Graubard 1998), at least
    G - 1 and at most ten thousand times G; of clusters that are all 0 or 1 it is G - 1.
    """
    from scipy.special import stdtrit

    count = means.shape[-1]
    mean, error = means.mean(axis=-1), _error(means)
    with np.errstate(divide="ignore", invalid="ignore"):
        number = np.where(error > 0, mean * (1 - mean) / error**2, count)
    number = np.clip(number, count - 1, 10_000 * count)
    square = float(stdtrit(count - 1, (1 + level) / 2)) ** 2
    middle = (mean + square / (2 * number)) / (1 + square / number)
    reach = np.sqrt(square * (mean * (1 - mean) + square / (4 * number)) / number) / (1 + square / number)
    return middle - reach, middle + reach


def resample_counts(clusters: int, random: np.random.Generator, resamples: int = RESAMPLES) -> Codes:
    """Count how often each resample holds each cluster, (resamples, clusters)."""
    drawn = random.integers(0, clusters, (resamples, clusters))
    places = drawn + clusters * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=resamples * clusters)
    return counts.reshape(resamples, clusters).astype(np.int64)


def percentile_interval(means: Floats, counts: Codes, level: float = LEVEL) -> Ends:
    """Percentiles of the mean over resampled clusters (Efron and Tibshirani 1993, section 13.3)."""
    resampled = means @ counts.T / means.shape[-1]
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=-1)
    return low, high


def bca_interval(means: Floats, counts: Codes, level: float = LEVEL) -> Ends:
    """Bias-corrected, accelerated bootstrap over clusters (Efron 1987; Efron and Tibshirani 1993, 14.10)."""
    from scipy.special import ndtr, ndtri

    count = means.shape[-1]
    resampled = means @ counts.T / count
    mean = means.mean(axis=-1, keepdims=True)
    below = ((resampled < mean).sum(axis=-1) + (resampled <= mean).sum(axis=-1)) / (2 * resampled.shape[-1])
    bias, speed = ndtri(below), _skewness(means, biased=True) / (6 * np.sqrt(count))
    ends = []
    for quantile in (float(ndtri((1 - level) / 2)), float(ndtri((1 + level) / 2))):
        with np.errstate(invalid="ignore"):
            share = ndtr(bias + (bias + quantile) / (1 - speed * (bias + quantile)))
        share = np.where(np.isfinite(share), share, ndtr(quantile))
        ends.append(_quantiles(resampled, share))
    return ends[0], ends[1]


def _quantiles(rows: Floats, shares: Floats) -> Floats:
    """One quantile of each row, interpolated linearly."""
    ordered = np.sort(rows, axis=-1)
    place = np.clip(shares, 0, 1) * (rows.shape[-1] - 1)
    lower = np.floor(place).astype(np.int64)
    upper = np.minimum(lower + 1, rows.shape[-1] - 1)
    low, high = (np.take_along_axis(ordered, each[..., None], axis=-1)[..., 0] for each in (lower, upper))
    found: Floats = low + (high - low) * (place - lower)
    return found


def bootstrap_t_interval(means: Floats, counts: Codes, level: float = LEVEL) -> Ends:
    """Bootstrap of the studentised mean (Efron and Tibshirani 1993, section 12.5).

    Resamples without any scatter have no studentised mean and are left out.
    """
    count = means.shape[-1]
    mean, error = means.mean(axis=-1), _error(means)
    resampled = means @ counts.T / count
    squares = means**2 @ counts.T / count
    scatter = np.sqrt(np.maximum(squares - resampled**2, 0) / (count - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = np.where(scatter > 1e-9, (resampled - mean[..., None]) / scatter, np.nan)
    tail = (1 - level) / 2
    empty = np.isnan(studentised).all(axis=-1)
    studentised[empty] = 0.0
    low, high = np.nanquantile(studentised, [tail, 1 - tail], axis=-1)
    return mean - high * error, mean - low * error


def _error(means: Floats) -> Floats:
    found: Floats = means.std(axis=-1, ddof=1) / np.sqrt(means.shape[-1])
    return found


def _skewness(means: Floats, biased: bool = False) -> Floats:
    """Skewness over clusters; 0 where nothing scatters."""
    apart = means - means.mean(axis=-1, keepdims=True)
    spread = np.sqrt((apart**2).mean(axis=-1))
    count = means.shape[-1]
    factor = 1.0 if biased else np.sqrt(count * (count - 1)) / (count - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(spread > 1e-12, factor * (apart**3).mean(axis=-1) / spread**3, 0.0)
    return np.asarray(found, dtype=np.float64)

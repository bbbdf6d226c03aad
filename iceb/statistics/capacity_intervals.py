"""Intervals of capacities: a bootstrap over the clusters that all numbers of edits share.

A cluster is drawn for every number of edits and both scores at once, so what makes a concept hard moves the whole
curve. What draws of concepts and seeds of a method add to a score's variance belongs to one number of edits, and is
added as a normal number of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iceb.statistics.capacity import capacity_scores
from iceb.statistics.clusters import Design, Floats, cluster_sums
from iceb.statistics.estimates import LEVEL
from iceb.statistics.intervals import RESAMPLES, SEED, resample_counts


@dataclass(frozen=True)
class Estimate:
    """A score at one number of edits, with what makes it uncertain.

    Attributes:
        influences: of each cluster of the whole curve, (G,): 0 of one that is not behind this score. The sum of their
            squares is the variance over clusters.
        extra: variance over draws and seeds beyond that.
    """

    value: float
    influences: Floats
    extra: float = 0.0


@dataclass(frozen=True)
class Spread:
    """The variance of a score, over clusters and beyond.

    Attributes:
        sums: influence of each cluster, (G,), in the order of the design's codes; their squares sum to the variance
            over clusters.
        variance: of the score, over clusters, draws and edits.
        freedom: its degrees of freedom.
    """

    sums: Floats
    variance: float
    freedom: float

    @property
    def over_clusters(self) -> float:
        """Variance over clusters alone."""
        return float((self.sums**2).sum())


def spread_of(influences: Floats, design: Design) -> Spread:
    """The variance of the sum of influences, (M,), by cluster.

    The factor that a variance over few clusters has, G / (G - 1), is in the clusters' influences.
    """
    variance, freedom = design.variance(influences)
    sums = cluster_sums(influences, design.clusters)
    squares = float((sums**2).sum())
    factor = np.sqrt(float(design.over_clusters(influences)) / squares) if squares else 0.0
    return Spread(factor * sums, float(variance), float(freedom))


def resampled_scores(
    efficacy: Sequence[Estimate], preservation: Sequence[Estimate], random: np.random.Generator | None = None
) -> Floats:
    """Capacity scores of resampled curves, (resamples, K), at K numbers of edits.

    The lower of two uncertain scores is too low on average where the two are near each other, and that of resampled
    ones once more. So the curves are raised by twice what their median lies below the score itself, as a bias-corrected
    percentile interval does (Efron and Tibshirani 1993, section 14.3).
    """
    known = random or np.random.default_rng(SEED)
    estimates = [*efficacy, *preservation]
    values = np.array([each.value for each in estimates])
    influences = np.stack([each.influences for each in estimates])  # (2K, G)
    extra = np.sqrt([each.extra for each in estimates])
    drawn = resample_counts(influences.shape[1], known).astype(np.float64)  # (R, G)
    found = values + drawn @ influences.T + extra * known.normal(size=(RESAMPLES, len(estimates)))
    drawn_scores = capacity_scores(found[:, : len(efficacy)], found[:, len(efficacy) :])
    scores = capacity_scores(values[: len(efficacy)], values[len(efficacy) :])
    return np.clip(drawn_scores + 2 * (scores - np.median(drawn_scores, axis=0)), 0.0, 1.0)


def percentile_ends(numbers: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of resampled numbers, some infinite (Efron and Tibshirani 1993, 13.3).

    >>> percentile_ends(np.r_[np.arange(1.0, 980.0), [np.inf] * 20])
    (25.0, 975.0)
    """
    ordered = np.sort(numbers)
    tail = round((len(ordered) + 1) * (1 - level) / 2) - 1
    return float(ordered[tail]), float(ordered[-1 - tail])

"""One-sided tests of a mean whose values have a known bound, for few clusters.

A few clusters may hold none of the rare large values that make most of the mean, and an error that is estimated from
these clusters does not know of such values. The test allows for them: it counts one more cluster, whose value is the
bound.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from iceb.statistics.clusters import Floats

RESAMPLES = 19_999
SEED = 20050814  # of the weights: the same sample has the same p-value


@dataclass(frozen=True)
class BoundedMean:
    """A weighted mean over clusters, each a mean of values that lie within bounds.

    Attributes:
        means: of the clusters, (…, G).
        sizes: their weights; the cluster that the test adds is as large as the largest.
        low, high: the least and the greatest possible value; infinite where there is none.
    """

    means: Floats
    sizes: Floats
    low: float
    high: float

    def p_above(self, bound: float, resamples: int = RESAMPLES) -> Floats:
        """p-value of the true mean being at most the bound, against above it.

        Nine values of 0 or 1 whose true mean is a half are all 1 with the probability (1/2)⁹. That is the p-value of
        nine ones against a half, as by the binomial law.

        >>> found = BoundedMean(np.ones(9), np.ones(9), 0.0, 1.0).p_above(0.5)
        >>> abs(float(found) - 0.5**9) < 0.001
        True
        """
        return _pvalue(self.sizes * (self.means - bound), self.sizes.max(axis=-1) * (self.low - bound), resamples)

    def p_below(self, bound: float, resamples: int = RESAMPLES) -> Floats:
        """p-value of the true mean being at least the bound, against below it."""
        return BoundedMean(-self.means, self.sizes, -self.high, -self.low).p_above(-bound, resamples)


def _pvalue(apart: Floats, least: Floats, resamples: int) -> Floats:
    """Gaffke's p-value of a mean of at most 0, (…, G) → (…), of values that are at least `least` (…).

    It is the probability that the values and one more, which is `least`, have a weighted mean of at most 0, where the
    weights are random, uniform over all that sum to 1 (Gaffke 2005). For values of 0 and 1 it is the binomial test of
    Clopper and Pearson. For others its level is conjectured, and no simulation has broken it (Learned-Miller and Thomas
    2019; `tools/simulations/claims.py`).
    """
    weights = _weights(apart.shape[-1] + 1, resamples)
    sums = apart @ weights[1:] + np.asarray(least)[..., None] * weights[0]
    found: Floats = (1 + (sums <= 0).sum(axis=-1)) / (1 + resamples)
    return found


@cache
def _weights(count: int, resamples: int) -> Floats:
    """Random weights up to their sum, (count, resamples)."""
    return np.random.default_rng(SEED).standard_exponential((count, resamples))

"""One-sided tests of a mean whose values have a known bound, for few clusters.

Few clusters may hold none of the rare large values that make the whole mean, and an error that is estimated from them
does not know of those. The bound does: the test counts one more cluster that has it.
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
        sizes: their weights; one that was not seen is taken to be as large as the largest.
        low, high: the least and the greatest possible value; infinite where there is none.
    """

    means: Floats
    sizes: Floats
    low: float
    high: float

    def p_above(self, bound: float, resamples: int = RESAMPLES) -> Floats:
        """p-value of the true mean being at most the bound, against above it.

        Of nine clusters at 1 none is left: that the mean is at most a half has (1/2)⁹, as by the binomial law.

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

    The probability that random weights, uniform over all that sum to 1, give the values and one more of `least` a mean
    of at most 0 (Gaffke 2005). For values of 0 and 1 it is the binomial test of Clopper and Pearson; for others its
    level is conjectured, never broken in simulations (Learned-Miller and Thomas 2019; `tools/simulations/claims.py`).
    """
    weights = _weights(apart.shape[-1] + 1, resamples)
    sums = apart @ weights[1:] + np.asarray(least)[..., None] * weights[0]
    found: Floats = (1 + (sums <= 0).sum(axis=-1)) / (1 + resamples)
    return found


@cache
def _weights(count: int, resamples: int) -> Floats:
    """Random weights up to their sum, (count, resamples)."""
    return np.random.default_rng(SEED).standard_exponential((count, resamples))

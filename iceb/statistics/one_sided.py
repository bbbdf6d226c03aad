"""One-sided tests of what a sentence claims: above a bound, below one, or within a margin.

Each p-value is the larger of Student's t and of Hall's t, which is corrected for skewness: judges' probabilities lie
near 0 and 1, where t alone finds too much in one direction (`tools/simulations/claims.py`).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from iceb.statistics.clusters import Floats

MOST_SKEW = 3.0  # of the skewness of a mean; beyond, Hall's expansion says nothing, and its p-value is as at this one


@dataclass(frozen=True)
class Estimate:
    """A value, or several at once, with what a test of it needs; each field (…).

    Attributes:
        freedom: degrees of freedom of the error.
        skewness: of the estimate itself, that of clusters over √G; 0 where it is not known.
        clusters: number of equal weight that it rests on; infinite where none are counted.
    """

    value: Floats
    stderr: Floats
    freedom: Floats
    skewness: Floats
    clusters: float = math.inf

    def shift(self, by: float, sign: float = 1.0) -> "Estimate":
        """The estimate of sign × value − by."""
        return replace(self, value=sign * self.value - by, skewness=sign * self.skewness)


def skewness_of(influences: Floats) -> Floats:
    """Skewness of a sum of independent clusters, (…, G) → (…): Σu³ / (Σu²)^(3/2).

    >>> round(float(skewness_of(np.array([-1.0, -1.0, -1.0, 3.0]))), 4)
    0.5774
    """
    squares = (influences**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(squares > 0, (influences**3).sum(axis=-1) / squares**1.5, 0.0)
    return found


def p_above(estimate: Estimate, bound: float = 0.0) -> Floats:
    """One-sided p-value of the true value being at most the bound, against above it.

    Student's t (Cameron and Miller 2015, section VI), and t made symmetric by Hall's transformation (Hall 1992,
    equation 2.3); the larger of the two. Without any scatter it is 0 above the bound and else 1.

    >>> one = Estimate(*(np.array([number]) for number in (0.3, 0.1, 9.0, 0.0)))
    >>> p_above(one).round(4).tolist(), p_above(one, 0.3).tolist()
    ([0.0075], [0.5])
    """
    from scipy.special import stdtr  # imported late: light commands do without scipy

    apart = estimate.value - bound
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(estimate.stderr > 0, apart / estimate.stderr, np.where(apart > 0, np.inf, -np.inf))
    skew = np.clip(estimate.skewness, -MOST_SKEW, MOST_SKEW)
    finite = np.where(np.isfinite(statistic), statistic, 0.0)
    halls = finite + skew * finite**2 / 3 + skew**2 * finite**3 / 27 + skew / 6
    halls = np.where(np.isfinite(statistic), halls, statistic)
    found: Floats = np.maximum(stdtr(estimate.freedom, -statistic), stdtr(estimate.freedom, -halls))
    return found


def p_below(estimate: Estimate, bound: float = 0.0) -> Floats:
    """One-sided p-value of the true value being at least the bound, against below it."""
    return p_above(estimate.shift(0.0, -1.0), -bound)


def p_within(estimate: Estimate, margin: float) -> Floats:
    """p-value of the true value being a margin or more away from 0, against within it.

    Two one-sided tests, of which the larger p-value counts (Schuirmann 1987).

    >>> one = Estimate(*(np.array([number]) for number in (0.0, 0.1, 99.0, 0.0)))
    >>> p_within(one, 0.2).round(4).tolist()
    [0.0241]
    """
    found: Floats = np.maximum(p_above(estimate, -margin), p_below(estimate, margin))
    return found

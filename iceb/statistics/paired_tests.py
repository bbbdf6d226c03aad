"""Tests of a difference between two results on the same prompts and seeds, and families of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iceb.statistics.clusters import Floats
from iceb.statistics.estimates import LEVEL

EXACT = 14  # most differing clusters of which all sign changes are tried: 2^14
FLIPS = 9999  # random sign changes beyond that; with the observed one 10 000
FLIP_SEED = 20240320
TIE = 1e-12  # of the largest sum: sums as far from 0 as the observed one, but for last bits, count as extreme


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference with its standard error, interval and p-value.

    Attributes:
        freedom: degrees of freedom of the error.
        p: two-sided, of no difference.
    """

    value: float
    stderr: float
    freedom: float
    low: float
    high: float
    p: float


def t_pvalues(differences: Floats, variances: Floats, freedoms: Floats) -> Floats:
    """Two-sided p-values of Student's t of clustered differences (Cameron and Miller 2015, section VI).

    No difference has p = 1, one without any scatter 0.

    >>> t_pvalues(np.array([0.0, 1.0]), np.array([0.0, 0.0]), np.array([9.0, 9.0])).tolist()
    [1.0, 0.0]
    """
    from scipy.special import stdtr  # imported late: light commands do without scipy

    errors = np.sqrt(variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(differences == 0, 0.0, np.abs(differences) / errors)
    found: Floats = np.where(np.isinf(statistic), 0.0, 2 * stdtr(freedoms, -statistic))
    return found


def t_difference(value: float, variance: float, freedom: float, level: float = LEVEL) -> Difference:
    """A difference with its interval by Student's t (Cameron and Miller 2015, section VI)."""
    from scipy.special import stdtrit

    stderr = math.sqrt(variance)
    reach = float(stdtrit(freedom, (1 + level) / 2)) * stderr
    (p,) = t_pvalues(np.array([value]), np.array([variance]), np.array([freedom])).tolist()
    return Difference(value, stderr, freedom, value - reach, value + reach, p)


def sign_flip_pvalue(sums: Sequence[float], flips: int = FLIPS, seed: int = FLIP_SEED) -> float:
    """Two-sided p-value of a paired permutation test: the signs of clusters' differences are exchangeable.

    Swapping two methods in one cluster changes the sign of its difference (Fisher 1935, section 21). All sign changes
    are tried where at most fourteen clusters differ, else random ones, of which the observed one is counted
    (Phipson and Smyth 2010, equation 2). It assumes that each cluster's difference is symmetric about 0 where the
    methods are equal, and nothing else.

    Args:
        sums: each cluster's part in the difference; the difference is their sum.

    >>> sign_flip_pvalue([1.0, 1.0, 1.0, 1.0])
    0.125
    """
    found = np.array([each for each in sums if each != 0.0])
    if not len(found):
        return 1.0
    observed = abs(float(found.sum())) - TIE * float(np.abs(found).sum())
    if len(found) <= EXACT:
        signs = 1 - 2 * (np.arange(2 ** len(found))[:, None] >> np.arange(len(found)) & 1)
        return float((np.abs(signs @ found) >= observed).mean())
    random = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, flips, 1000):
        drawn = 1 - 2 * random.integers(0, 2, (min(1000, flips - start), len(found)))
        beyond += int((np.abs(drawn @ found) >= observed).sum())
    return (beyond + 1) / (flips + 1)


def holm(pvalues: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values of a family so that one error in all has the level's probability (Holm 1979).

    A test without a p-value, None, stays so and is no member of the family.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((p, place) for place, p in enumerate(pvalues) if p is not None)
    found: list[float | None] = [None] * len(pvalues)
    least = 0.0
    for number, (p, place) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - number)))
        found[place] = least
    return found

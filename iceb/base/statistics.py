"""Means and standard errors over concepts, and ranks that admit ties.

Images of one concept are not independent, so every standard error is taken over concepts (cluster means), not images.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

FEWEST = 10  # concepts; an interval from fewer would cover less than it says
LEVEL = 0.95  # of intervals
ROUNDING = 1 + 1e-9  # so that a difference of exactly one standard error is a tie whatever the last bits say


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over concepts with its standard error.

    `stderr` is None for a single concept: one number says nothing about its own scatter.
    """

    mean: float
    stderr: float | None
    n: int  # values
    concepts: int  # clusters


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable]) -> list[float]:
    """The mean of the values of each cluster, in order of first appearance.

    Raises:
        ValueError: the two sequences differ in length.

    >>> cluster_means([1.0, 3.0, 10.0], ["a", "a", "b"])
    [2.0, 10.0]
    """
    gathered: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        gathered.setdefault(cluster, []).append(float(value))
    return [math.fsum(members) / len(members) for members in gathered.values()]


def estimate(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """Mean of the cluster means, and its standard error: sample deviation (n - 1) over the root of the clusters.

    Raises:
        ValueError: no values, or the two sequences differ in length.

    >>> estimate([1.0, 3.0, 10.0], ["a", "a", "b"])
    Estimate(mean=6.0, stderr=4.0, n=3, concepts=2)
    """
    means = cluster_means(values, clusters)
    if not means:
        raise ValueError("no values: an estimate needs at least one; report a missing score instead")
    mean = math.fsum(means) / len(means)
    return Estimate(mean, _standard_error(means, mean), len(values), len(means))


def pooled_estimate(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """Mean of all values, and its standard error over concepts of unequal size (linearised ratio of two sums).

    For concepts of equal size this is `estimate`. Where a concept has more pictures than another (one has six other
    names, one has none), every picture still counts the same, as in published means over pictures.

    Raises:
        ValueError: no values, or the two sequences differ in length.

    >>> pooled_estimate([1.0, 3.0, 10.0, 12.0], ["a", "a", "b", "b"])
    Estimate(mean=6.5, stderr=4.5, n=4, concepts=2)
    """
    if not values:
        raise ValueError("no values: an estimate needs at least one; report a missing score instead")
    mean = math.fsum(values) / len(values)
    excess: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        excess[cluster] = excess.get(cluster, 0.0) + (value - mean)
    count = len(excess)
    if count < 2:
        return Estimate(mean, None, len(values), count)
    scatter = math.fsum(total**2 for total in excess.values()) * count / (count - 1)
    return Estimate(mean, math.sqrt(scatter) / len(values), len(values), count)


def _standard_error(means: Sequence[float], mean: float) -> float | None:
    if len(means) < 2:
        return None
    variance = math.fsum((value - mean) ** 2 for value in means) / (len(means) - 1)
    return math.sqrt(variance / len(means))


def tied_ranks(values: Sequence[float], errors: Sequence[float | None], higher_is_better: bool = True) -> list[int]:
    """Rank of each value, 1 the best; a value within one standard error of the best of its group shares its rank.

    The standard error of a comparison is the larger of the two. Groups are formed from the top, so that a chain of
    near-ties cannot join a clearly worse row to the best one; the next rank counts the rows above it.

    >>> tied_ranks([0.50, 0.49, 0.40], [0.02, 0.02, 0.02])
    [1, 1, 3]
    """
    sign = 1.0 if higher_is_better else -1.0
    order = sorted(range(len(values)), key=lambda index: -sign * values[index])
    ranks = [0] * len(values)
    leader = 0
    for position, index in enumerate(order):
        best = order[leader]
        within = max(errors[best] or 0.0, errors[index] or 0.0)
        if sign * (values[best] - values[index]) > within * ROUNDING:
            leader = position
        ranks[index] = leader + 1
    return ranks


def interval(
    value: float, stderr: float | None, freedom: float, concepts: int, level: float = LEVEL
) -> tuple[float | None, float | None]:
    """Student's interval of a mean over concepts; (None, None) below ten concepts.

    >>> interval(0.0, 0.0, 30.0, 31)
    (0.0, 0.0)
    >>> interval(0.5, 0.1, 8.0, 9)
    (None, None)
    """
    if stderr is None or concepts < FEWEST:
        return None, None
    from scipy.special import stdtrit  # late: light commands do without scipy

    reach = float(stdtrit(freedom, (1 + level) / 2)) * stderr
    return value - reach, value + reach


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value below which a share of sorted numbers lies, linear between neighbours.

    >>> quantile([0.0, 1.0, 2.0], 0.25)
    0.5
    """
    place = share * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (place - below) * (ascending[above] - ascending[below])

"""Means and standard errors over concepts, and ranks that admit ties.

Images of one concept are not independent, so every standard error is taken over concepts (cluster means), not images.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


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
        if sign * (values[best] - values[index]) > within:
            leader = position
        ranks[index] = leader + 1
    return ranks

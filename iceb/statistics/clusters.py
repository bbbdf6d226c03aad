"""The variance of a score over clusters of concepts that were drawn together.

Every function takes influences: what each statistic of a concept adds to the deviation of a score from its expectation
(its influence). The score's variance is then that of their sum, taken over clusters (Liang and Zeger 1986).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]


def codes(names: Sequence[Hashable]) -> Codes:
    """Number the names in the order of their first appearance.

    >>> codes(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def cluster_sums(numbers: Floats, clusters: Codes) -> Floats:
    """Sum the last axis by cluster: (…, M) → (…, clusters), in ascending order of their codes.

    >>> cluster_sums(np.array([1.0, 2.0, 4.0]), np.array([1, 0, 1])).tolist()
    [2.0, 5.0]
    """
    order = np.argsort(clusters, kind="stable")
    if not len(order):
        return np.zeros((*numbers.shape[:-1], 0))
    ordered = clusters[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    found: Floats = np.add.reduceat(numbers[..., order], starts, axis=-1)
    return found


def effective_clusters(weights: Floats, clusters: Codes) -> float:
    """Effective number of clusters behind a weighted mean, (Σw)² / Σw² over cluster sums (Kish 1965).

    >>> effective_clusters(np.ones(6), np.array([0, 0, 1, 1, 2, 2]))
    3.0
    """
    sums = cluster_sums(np.asarray(weights, dtype=np.float64), clusters)
    squares = float((sums**2).sum())
    return float(sums.sum()) ** 2 / squares if squares else 0.0


@dataclass(frozen=True)
class Design:
    """The clusters behind the M statistics of a score, the same for every result that is compared.

    Attributes:
        parts: the part of the metric, (M,).
        concepts: what a statistic is of, (M,).
        clusters: what was drawn at random, (M,): the concept, or what several of them share.
        states: the state of the model that it was taken under, (M,); all 0 where there is one.
        shares: of its part's weight, (M,).
    """

    parts: Codes
    concepts: Codes
    clusters: Codes
    states: Codes
    shares: Floats

    @cached_property
    def fewest(self) -> float:
        """Effective number of clusters of the part that has fewest."""
        found = [self._of_part(part) for part in np.unique(self.parts)]
        return min(effective_clusters(self.shares[mine], self.clusters[mine]) for mine in found) if found else 0.0

    @cached_property
    def count(self) -> int:
        """Number of clusters."""
        return len(np.unique(self.clusters))

    @cached_property
    def state_count(self) -> int:
        """Number of states of the model."""
        return len(np.unique(self.states))

    @cached_property
    def states_lie_within(self) -> bool:
        """Whether clusters hold all of the states' scatter: each state has one of them, or there is one state."""
        return self.state_count < 2 or len(np.unique(self._cells)) == self.state_count

    def _of_part(self, part: Any) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.parts == part
        return found

    def variance(self, influences: Floats) -> tuple[Floats, Floats]:
        """Variance of the sum of influences, and its degrees of freedom; (…, M) → (…), (…).

        One state: V_cluster, with the factor G / (G - 1) in each part, as of a cluster-robust regression on a constant.
        Several: V = V_cluster + V_state - V_both (Cameron, Gelbach and Miller 2011), at least the larger of the two.
        V_both is taken without the means of concepts that stand in every state, which V_cluster holds already: with
        few states they would be counted off once too often. Degrees of freedom are Satterthwaite's (1946), with all of
        V_state's scatter where it adds anything. States that lie within clusters are held by V_cluster whole.
        """
        over_clusters = self.over_clusters(influences)
        freedom = self._freedom(influences)
        if self.states_lie_within:
            return over_clusters, freedom
        factor = self.state_count / (self.state_count - 1)
        over_states = factor * (cluster_sums(influences, self.states) ** 2).sum(axis=-1)
        both = (cluster_sums(self._apart(influences), self._cells) ** 2).sum(axis=-1)
        whole = np.maximum(over_clusters + over_states - both, np.maximum(over_clusters, over_states))
        counted = np.where(whole > over_clusters, over_states, 0.0)  # few states: most of the error's own scatter
        scatter = over_clusters**2 / freedom + counted**2 / (self.state_count - 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return whole, np.maximum(np.where(scatter > 0, whole**2 / scatter, freedom), 1.0)

    def over_clusters(self, influences: Floats) -> Floats:
        """Variance over clusters alone."""
        found: Floats = (cluster_sums(influences * self._factors, self.clusters) ** 2).sum(axis=-1)
        return found

    @cached_property
    def _factors(self) -> Floats:
        """√(G / (G - 1)) of each statistic's part; 0 where a part has one cluster, which says nothing."""
        return self._factors_of(self.clusters)

    def _factors_of(self, groups: Codes) -> Floats:
        found = np.zeros(len(self.parts))
        for part in np.unique(self.parts):
            mine = self._of_part(part)
            number = len(np.unique(groups[mine]))
            found[mine] = np.sqrt(number / (number - 1)) if number > 1 else 0.0
        return found

    def _freedom(self, influences: Floats) -> Floats:
        """Degrees of freedom over clusters; those that stand in the same parts are one stratum."""
        squares = cluster_sums(influences * self._factors, self.clusters) ** 2
        strata = [np.flatnonzero(self._strata == each) for each in np.unique(self._strata)]
        parts = [(squares[..., mine].sum(axis=-1), max(len(mine) - 1.0, 1.0)) for mine in strata]
        return satterthwaite(*parts)

    @cached_property
    def _strata(self) -> Codes:
        """The set of parts of each cluster, as a code; in the order of the clusters."""
        found: dict[int, set[int]] = {}
        for cluster, part in zip(self.clusters.tolist(), self.parts.tolist(), strict=True):
            found.setdefault(cluster, set()).add(part)
        return codes([frozenset(found[cluster]) for cluster in sorted(found)])

    @cached_property
    def _cells(self) -> Codes:
        return codes(list(zip(self.clusters.tolist(), self.states.tolist(), strict=True)))

    @cached_property
    def _rows(self) -> Codes:
        """The concept within its part."""
        return codes(list(zip(self.parts.tolist(), self.concepts.tolist(), strict=True)))

    def _apart(self, influences: Floats) -> Floats:
        """The influences without the mean of each concept that stands in several states, and of the state."""
        times = np.array([len(set(self.states[self._rows == row].tolist())) for row in range(self._rows.max() + 1)])
        crossed = times[self._rows] > 1
        nested = influences * self._factors_of(self._cells)
        if not crossed.any():
            return nested
        own = cluster_sums(influences, self._rows)[..., self._rows] / np.bincount(self._rows)[self._rows]
        place = codes(list(zip(self.parts.tolist(), self.states.tolist(), strict=True)))
        rest = influences - own
        weights = cluster_sums(self.shares, place)[place]
        rest = rest - cluster_sums(rest, place)[..., place] * self.shares / weights
        factor = np.sqrt(self.state_count / (self.state_count - 1))
        return np.where(crossed, factor * rest, nested)


def satterthwaite(*variances: tuple[Any, Any]) -> Floats:
    """Degrees of freedom of a sum of independent variances, (ΣV)² / Σ(V² / ν) (Satterthwaite 1946).

    >>> float(satterthwaite((1.0, 10.0), (1.0, 10.0)))
    20.0
    """
    total = np.asarray(sum(variance for variance, _ in variances), dtype=np.float64)
    scatter = np.asarray(sum(variance**2 / freedom for variance, freedom in variances), dtype=np.float64)
    least = min(float(np.min(freedom)) for _, freedom in variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(scatter > 0, total**2 / scatter, least)
    return np.maximum(found, 1.0)

"""Sums over the concepts of a metric's parts: the weighted sum of their means, and its standard error."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from iceb.statistics.estimates import effective_number

Sides: TypeAlias = tuple[float | None, float | None]  # before, after
Influences: TypeAlias = Mapping[Hashable, float]  # cluster → what it adds to the weighted sum's deviation


@dataclass
class PartSums:
    """One part's concepts, summed.

    Attributes:
        weight: of its mean in the value.
    """

    weight: float
    weights: list[float] = field(default_factory=list)  # of the concepts
    changes: list[float] = field(default_factory=list)
    concepts: list[str] = field(default_factory=list)
    of_states: list[str] = field(default_factory=list)  # the independent state of the model behind each
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    n: int = 0  # images

    def add(self, concept: str, state: str, n: int, weight: float, change: float, sides: Sides) -> None:
        """Enter one concept's statistic."""
        self.weights.append(weight)
        self.changes.append(change)
        self.concepts.append(concept)
        self.of_states.append(state)
        self.n += n
        before, after = sides
        if before is not None:
            self.before.append(weight * before)
        if after is not None:
            self.after.append(weight * after)

    @property
    def total(self) -> float:
        """The sum of the concepts' weights."""
        return math.fsum(self.weights)

    @property
    def mean(self) -> float:
        """The mean change."""
        return math.fsum(w * d for w, d in zip(self.weights, self.changes, strict=True)) / self.total

    @property
    def states(self) -> int:
        """The number of model states behind the mean; 0 for one, which has no scatter."""
        found = len(set(self.of_states))
        return found if found > 1 else 0

    @property
    def freedom(self) -> int:
        """Degrees of freedom: of the concepts, or of the model states if there are several and fewer."""
        found = len(set(self.concepts))
        return min(found, self.states or found) - 1

    @property
    def effective(self) -> float:
        """Effective number of concepts, or of model states if there are several and fewer."""
        found = self._effective(self.concepts)
        return min(found, self._effective(self.of_states)) if self.states else found

    def _effective(self, clusters: Sequence[str]) -> float:
        sums: dict[str, float] = {}
        for cluster, weight in zip(clusters, self.weights, strict=True):
            sums[cluster] = sums.get(cluster, 0.0) + weight
        return effective_number(sums.values())

    def side(self, values: Sequence[float]) -> float | None:
        """The mean of one side; None where a concept lacks it."""
        return math.fsum(values) / self.total if len(values) == len(self.weights) else None

    def influences(self, clusters: Sequence[Hashable]) -> Influences:
        """Each cluster's linearised residual, scaled so that the squares sum to the variance."""
        mean = self.mean  # once: it runs over all concepts
        found: dict[Hashable, list[float]] = {}
        for cluster, weight, change in zip(clusters, self.weights, self.changes, strict=True):
            found.setdefault(cluster, []).append(weight * (change - mean))
        scale = math.sqrt(len(found) / (len(found) - 1)) / self.total if len(found) > 1 else 0.0
        return {cluster: self.weight * (math.fsum(influence) * scale) for cluster, influence in found.items()}


@dataclass(frozen=True, slots=True)
class MeanError:
    """Standard error of a weighted sum of means, with its degrees of freedom.

    Attributes:
        stderr: its standard error; None where a part has one concept, which says nothing about its own scatter.
        freedom: degrees of freedom of the variance.
        clusters: clusters of equal weight that the scarcest part rests on as firmly.
    """

    stderr: float | None
    freedom: float
    clusters: float


def weighted_mean(parts: Sequence[PartSums]) -> float:
    """The weighted sum of the parts' means."""
    return math.fsum(part.weight * part.mean for part in parts)


def weighted_sides(parts: Sequence[PartSums]) -> Sides:
    """The weighted sums of the statistics before and after; None for a side that a part lacks."""
    return (
        _weighted_sum([(part.weight, part.side(part.before)) for part in parts]),
        _weighted_sum([(part.weight, part.side(part.after)) for part in parts]),
    )


def _weighted_sum(sides: Sequence[tuple[float, float | None]]) -> float | None:
    known = [weight * side for weight, side in sides if side is not None]
    return math.fsum(known) if len(known) == len(sides) else None


def error_of_mean(parts: Sequence[PartSums]) -> MeanError:
    """Standard error of the weighted sum of the parts' means, over concepts and states of the model."""
    influences = [part.influences(part.concepts) for part in parts]
    alone = any(len(set(part.concepts)) < 2 for part in parts)
    variance = _joint_variance(parts, influences)
    stderr = None if alone else math.sqrt(variance)
    alike = zip(parts, influences, strict=True)
    variances = [variance] if len(parts) == 1 else [_joint_variance([part], [each]) for part, each in alike]
    return MeanError(stderr, _freedom(parts, variances), min(part.effective for part in parts))


def _joint_variance(parts: Sequence[PartSums], influences: Sequence[Influences]) -> float:
    """Variance over concepts; where there are several states of the model, over both.

    Concepts that are judged under every state share its luck, so the variance over states counts beside that over
    concepts: V = V_concept + V_state - V_both (Cameron, Gelbach and Miller 2011), at least the larger of the two.
    """
    concepts = _variance(influences)
    pooled = [part for part in parts if part.states]  # a single state's V_both is its V_concept, and would cancel it
    if not pooled:
        return concepts
    states = _variance([part.influences(part.of_states) for part in pooled])
    both = _variance([part.influences(list(zip(part.concepts, part.of_states, strict=True))) for part in pooled])
    return max(concepts + states - both, concepts, states)


def _variance(influences: Sequence[Influences]) -> float:
    """Variance over clusters of the weighted sum of means; a cluster may be in several parts."""
    joined: dict[Hashable, float] = {}
    for part in influences:
        for cluster, influence in part.items():
            joined[cluster] = joined.get(cluster, 0.0) + influence
    return math.fsum(influence**2 for influence in joined.values())


def _freedom(parts: Sequence[PartSums], variances: Sequence[float]) -> float:
    """Degrees of freedom of the sum: Satterthwaite's (1946) for independent parts, else the fewest."""
    scatter = math.fsum(v**2 / part.freedom for v, part in zip(variances, parts, strict=True) if part.freedom)
    if not scatter or _share_clusters(parts):
        return float(min(part.freedom for part in parts))
    return math.fsum(variances) ** 2 / scatter


def _share_clusters(parts: Sequence[PartSums]) -> bool:
    """Whether some concept, or some state of several, occurs in more than one part."""
    for clusters in ([set(p.concepts) for p in parts], [set(p.of_states) for p in parts if p.states]):
        if len({name for each in clusters for name in each}) < sum(map(len, clusters)):
            return True
    return False

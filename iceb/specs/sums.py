"""A metric's parts, summed over concepts: the weighted sum of their means, and how far it may be off."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Sides: TypeAlias = tuple[float | None, float | None]  # before, after
Pulls: TypeAlias = Mapping[Hashable, float]  # cluster → its pull on the weighted sum of means


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
    checkpoints: list[str] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    n: int = 0  # images

    def add(self, concept: str, checkpoint: str, n: int, weight: float, change: float, sides: Sides) -> None:
        """Enter one concept's statistic."""
        self.weights.append(weight)
        self.changes.append(change)
        self.concepts.append(concept)
        self.checkpoints.append(checkpoint)
        self.n += n
        for known, side in zip((self.before, self.after), sides, strict=True):
            if side is not None:
                known.append(weight * side)

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
        """States of the model that it was taken under; 0 for a single one, which says nothing about their scatter."""
        found = len(set(self.checkpoints))
        return found if found > 1 else 0

    def side(self, values: Sequence[float]) -> float | None:
        """The mean of one side; None where a concept lacks it."""
        return math.fsum(values) / self.total if len(values) == len(self.weights) else None

    def pulls(self, clusters: Sequence[Hashable]) -> Pulls:
        """Each cluster's pull on the value, scaled so that the squares sum to its variance (linearised ratio)."""
        mean = self.mean  # once: it runs over all concepts
        found: dict[Hashable, list[float]] = {}
        for cluster, weight, change in zip(clusters, self.weights, self.changes, strict=True):
            found.setdefault(cluster, []).append(weight * (change - mean))
        scale = math.sqrt(len(found) / (len(found) - 1)) / self.total if len(found) > 1 else 0.0
        return {cluster: self.weight * (math.fsum(pull) * scale) for cluster, pull in found.items()}


@dataclass(frozen=True, slots=True)
class MeanError:
    """How far a weighted sum of means may be off.

    Attributes:
        stderr: its standard error; None where a part has one concept, which says nothing about its own scatter.
        freedom: degrees of freedom of the variance.
        clusters: independent draws that the error of the scarcest part rests on.
    """

    stderr: float | None
    freedom: float
    clusters: int


def weighted_mean(parts: Sequence[PartSums]) -> float:
    """The weighted sum of the parts' means."""
    return math.fsum(part.weight * part.mean for part in parts)


def weighted_sides(parts: Sequence[PartSums]) -> Sides:
    """The same of the statistics before and after; None for a side that a part lacks."""
    return (
        _weighted([(part.weight, part.side(part.before)) for part in parts]),
        _weighted([(part.weight, part.side(part.after)) for part in parts]),
    )


def _weighted(sides: Sequence[tuple[float, float | None]]) -> float | None:
    known = [weight * side for weight, side in sides if side is not None]
    return math.fsum(known) if len(known) == len(sides) else None


def error_of_mean(parts: Sequence[PartSums]) -> MeanError:
    """How far the weighted sum of the parts' means may be off, over concepts and states of the model."""
    pulls = [part.pulls(part.concepts) for part in parts]
    clusters = min(min(len(set(part.concepts)), part.states or len(part.concepts)) for part in parts)
    return MeanError(_standard_error(parts, pulls), _freedom(parts, pulls), clusters)


def _standard_error(parts: Sequence[PartSums], pulls: Sequence[Pulls]) -> float | None:
    """Over concepts; where there are several states of the model, over both.

    Concepts that are judged under every state share its luck, so the variance over states counts beside that over
    concepts: V = V_concept + V_state - V_both (Cameron, Gelbach and Miller 2011), at least the larger of the two.
    """
    if any(len(set(part.concepts)) < 2 for part in parts):
        return None
    concepts = _variance(pulls)
    if not any(part.states for part in parts):
        return math.sqrt(concepts)
    states = _variance([part.pulls(part.checkpoints) for part in parts])
    both = _variance([part.pulls(list(zip(part.concepts, part.checkpoints, strict=True))) for part in parts])
    return math.sqrt(max(concepts + states - both, concepts, states))


def _variance(pulls: Sequence[Pulls]) -> float:
    """Of the weighted sum of means over clusters; one that stands in several parts pulls on all of them together."""
    joined: dict[Hashable, float] = {}
    for part in pulls:
        for cluster, pull in part.items():
            joined[cluster] = joined.get(cluster, 0.0) + pull
    return math.fsum(pull**2 for pull in joined.values())


def _freedom(parts: Sequence[PartSums], pulls: Sequence[Pulls]) -> float:
    """Degrees of freedom of the sum of independent parts (Satterthwaite 1946), at most those of the model's states."""
    freedoms = [(part.states or len(set(part.concepts))) - 1 for part in parts]
    variances = [_variance([part]) for part in pulls]
    scatter = math.fsum(v**2 / freedom for v, freedom in zip(variances, freedoms, strict=True) if freedom)
    return math.fsum(variances) ** 2 / scatter if scatter else float(min(freedoms, default=0))

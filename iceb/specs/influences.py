"""The influence of each concept on a score, by which two results are compared.

An influence is what one statistic of a concept adds to the deviation of the score from its expectation; where a score
is a weighted mean, weight × (change − mean). Influences of two results on the same prompts are subtracted key by key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from iceb.specs.reduce import linear_sums
from iceb.specs.reduction import ConceptValue, Reduction
from iceb.specs.requests import names_of_clusters
from iceb.statistics.clusters import Design, Floats, cluster_sums, codes, satterthwaite


class Key(NamedTuple):
    """The name of a statistic in every result on the same prompts.

    Attributes:
        state: the draw of concepts, or the edit, whose model it was taken under; "" where there is one. Seeds of a
            method are no such state: they are averaged, for no two methods share them.
    """

    part: str
    concept: str
    state: str


@dataclass(frozen=True)
class Influences:
    """One result's influences on one score.

    Attributes:
        value: the score.
        changes: mean change of each key, seeds and replicates averaged.
        numbers: influence of each key.
        shares: share of each key in its part's weight.
        seed_variance: of the score over the method's seeds, beyond what concepts make of it; None with one seed.
        seeds: their number.
    """

    value: float
    changes: Mapping[Key, float]
    numbers: Mapping[Key, float]
    shares: Mapping[Key, float]
    seed_variance: float | None = None
    seeds: int = 1

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys, in the order of the table."""
        return tuple(self.numbers)


@dataclass
class _Sums:
    """One key's sums over seeds and replicates."""

    weight: float = 0.0
    change: float = 0.0
    influence: float = 0.0
    of_seeds: dict[str, float] = field(default_factory=dict)


def influences_of(values: Sequence[ConceptValue], reduction: Reduction) -> Influences | None:
    """The influences on a score; None where it has no value or no linear error, or is a distance of sets.

    Raises:
        SpecError: as `iceb.specs.reduce.reduce_values`.
    """
    if reduction.kind == "set":
        return None
    value, parts = linear_sums(values, reduction)
    if value is None or not parts:
        return None
    found: dict[Key, _Sums] = {}
    states, seeds = _states(values), seeds_of(values)
    for name, part in parts.items():
        mine = [place for place, row in enumerate(values) if row.part == name]
        mean, total = part.mean, part.total
        for place, weight, change in zip(mine, part.weights, part.changes, strict=True):
            sums = found.setdefault(Key(name, values[place].concept, states[place]), _Sums())
            influence = part.weight * weight * (change - mean) / total
            sums.weight += weight / total
            sums.change += weight / total * change
            sums.influence += influence
            sums.of_seeds[seeds[place]] = sums.of_seeds.get(seeds[place], 0.0) + influence
    count = len(set(seeds))
    return Influences(
        value,
        {key: sums.change / sums.weight for key, sums in found.items()},
        {key: sums.influence for key, sums in found.items()},
        {key: sums.weight for key, sums in found.items()},
        _seed_variance(found, sorted(set(seeds))) if count > 1 else None,
        count,
    )


def _states(values: Sequence[ConceptValue]) -> list[str]:
    """The state that results share: the draw where there are several, else the edit's checkpoint likewise."""
    if len({value.draw for value in values}) > 1:
        return [value.draw for value in values]
    several = not any(value.draw for value in values) and len({value.checkpoint for value in values}) > 1
    return [value.checkpoint if several else "" for value in values]


def seeds_of(values: Sequence[ConceptValue]) -> list[str]:
    """The method's seed behind each value: the checkpoint within its draw, by its place; "" without draws."""
    places: dict[str, dict[str, int]] = {}
    for value in values:
        if value.draw:
            of_draw = places.setdefault(value.draw, {})
            of_draw.setdefault(value.checkpoint, len(of_draw))
    return [str(places[value.draw][value.checkpoint]) if value.draw else "" for value in values]


def _seed_variance(sums: Mapping[Key, _Sums], seeds: Sequence[str]) -> float:
    """Variance of the score over seeds, beyond what the scatter of concepts makes of it.

    Concepts of a state stand under each of its seeds: a crossed design, whose seed part is the variance of the seeds'
    means minus that of the interaction (Searle, Casella and McCulloch 1992, section 4.3).
    """
    table = np.array([[each.of_seeds.get(seed, 0.0) for seed in seeds] for each in sums.values()])  # (M, S)
    apart = (table - table.mean(axis=1, keepdims=True)).T  # (S, M)
    shares = np.array([each.weight for each in sums.values()])
    states, places = codes([key.state for key in sums]), codes([(key.part, key.state) for key in sums])
    own = shares / cluster_sums(shares, places)[places]
    rest = apart - cluster_sums(apart, places)[:, places] * own
    concepts = codes([(key.concept, key.state) for key in sums])
    over_seeds, both = ((cluster_sums(each, by) ** 2).sum() for each, by in ((apart, states), (rest, concepts)))
    return max(float(over_seeds - both) * len(seeds) / (len(seeds) - 1), 0.0)


def design_of(keys: Sequence[Key], shares: Mapping[Key, float], clusters: Mapping[str, str]) -> Design:
    """The design of some keys.

    Args:
        clusters: what several concepts share, by concept; one that is not named is a cluster of its own.
    """
    return Design(
        parts=codes([key.part for key in keys]),
        concepts=codes([key.concept for key in keys]),
        clusters=codes(names_of_clusters([key.concept for key in keys], clusters)),
        states=codes([key.state for key in keys]),
        shares=np.array([shares[key] for key in keys], dtype=np.float64),
    )


def score_variance(found: Influences, design: Design) -> tuple[float, float]:
    """The variance of a score and its degrees of freedom, over the design and the method's seeds.

    With several states of the model that between states holds the seeds' already.
    """
    variance, freedom = design.variance(np.array(list(found.numbers.values()), dtype=np.float64))
    if design.state_count > 1 or not found.seed_variance:
        return float(variance), float(freedom)
    seeds = (found.seed_variance, max(found.seeds - 1.0, 1.0))
    return float(variance) + found.seed_variance, float(satterthwaite((variance, freedom), seeds))


def has_one_kind_of_cluster(found: Influences, design: Design) -> bool:
    """Whether clusters hold all scatter of a score: one state and no seeds, or states within clusters."""
    return design.states_lie_within and (design.state_count > 1 or found.seed_variance is None)


def align(influences: Sequence[Influences], keys: Sequence[Key]) -> Floats:
    """The influences of several results under the same keys, (results, keys); 0 where one lacks a key."""
    return np.array([[each.numbers.get(key, 0.0) for key in keys] for each in influences], dtype=np.float64)

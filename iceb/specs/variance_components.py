"""Sources of a score's variance: concepts, draws of concepts (or edits), and the method's seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from iceb.specs.influences import Influences, design_of


@dataclass(frozen=True, slots=True)
class Components:
    """Standard errors of a score by source; None where there is one of its kind.

    Attributes:
        concepts: over what was drawn at random: concepts, or the destinations that they share.
        states: what draws of concepts, or edits, add to that; None where each lies within a cluster.
        seeds: over the method's seeds, beyond what concepts make of it; part of `states` where there are several.
    """

    concepts: float
    states: float | None
    seeds: float | None


def components_of(influences: Influences, clusters: Mapping[str, str]) -> Components:
    """Split a score's variance; `clusters` is what several concepts share."""
    design = design_of(influences.keys, influences.shares, clusters)
    numbers = np.array(list(influences.numbers.values()), dtype=np.float64)
    whole, over_clusters = float(design.variance(numbers)[0]), float(design.over_clusters(numbers))
    return Components(
        math.sqrt(over_clusters),
        None if design.states_lie_within else math.sqrt(max(whole - over_clusters, 0.0)),
        None if influences.seed_variance is None else math.sqrt(influences.seed_variance),
    )

"""The 95 % interval of one score by the method that simulations chose for its design."""

from collections.abc import Mapping, Sequence

import numpy as np

from iceb.specs.influences import Influences, design_of, influences_of, score_variance
from iceb.specs.records import IntervalRecord
from iceb.specs.reduction import ConceptValue, Reduction, Score
from iceb.statistics.clusters import cluster_sums
from iceb.statistics.estimates import FEWEST, ROUNDING, interval
from iceb.statistics.intervals import chosen_interval

FEWEST_SEEDS = 3  # with two, a 95 % interval held in 85 % of simulated tables


def score_interval(
    values: Sequence[ConceptValue], reduction: Reduction, score: Score, clusters: Mapping[str, str]
) -> IntervalRecord | None:
    """The interval of a score; None below ten clusters of equal weight, and where there is no error.

    Args:
        values: the statistics that the score was reduced from.
        clusters: what several concepts share, by concept; one that is not named is a cluster of its own.
    """
    if reduction.kind == "set":
        if score.low is None or score.high is None:
            return None
        return IntervalRecord(method="student_t", low=score.low, high=score.high, clusters=float(score.concepts))
    found = influences_of(values, reduction) if score.stderr is not None else None
    return None if found is None else mean_interval(found, clusters)


def mean_interval(found: Influences, clusters: Mapping[str, str]) -> IntervalRecord | None:
    """BCa over clusters; over several states of the model, or seeds of the method, Student's t.

    A bootstrap needs one kind of cluster. A variance over seeds brings their few degrees of freedom (Satterthwaite).
    """
    design = design_of(found.keys, found.shares, clusters)
    if design.fewest * ROUNDING < FEWEST:
        return None
    if design.state_count == 1 and found.seed_variance is None:
        numbers = np.array(list(found.numbers.values()), dtype=np.float64)
        low, high = chosen_interval(found.value, cluster_sums(numbers, design.clusters))
        return IntervalRecord(method="bca", low=low, high=high, clusters=design.fewest)
    if design.state_count == 1 and found.seed_variance and found.seeds < FEWEST_SEEDS:
        return None
    variance, freedom = score_variance(found, design)
    ends = interval(found.value, float(np.sqrt(variance)), freedom, design.fewest)
    if ends[0] is None or ends[1] is None:
        return None
    return IntervalRecord(method="student_t", low=ends[0], high=ends[1], clusters=design.fewest)

"""The 95 % interval of one score by the method that simulations chose for its design."""

from collections.abc import Mapping, Sequence

import numpy as np

from iceb.specs.influences import Influences, design_of, has_one_kind_of_cluster, influences_of, score_variance
from iceb.specs.meanings import UNBOUNDED
from iceb.specs.records import IntervalRecord
from iceb.specs.reduction import ConceptValue, Reduction, Score
from iceb.statistics.clusters import cluster_sums
from iceb.statistics.estimates import FEWEST, ROUNDING, interval, scatters
from iceb.statistics.intervals import chosen_interval

FEWEST_SEEDS = 3  # with two, a 95 % interval held in 85 % of simulated tables


def score_interval(
    values: Sequence[ConceptValue],
    reduction: Reduction,
    score: Score,
    clusters: Mapping[str, str],
    limits: tuple[float, float] = UNBOUNDED,
) -> IntervalRecord | None:
    """The interval of a score, within its metric's range.

    None below ten clusters of equal weight, where there is no error, and where nothing scatters: that no concept of
    these differs from the others does not say how many of others would.

    Args:
        values: the statistics that the score was reduced from.
        clusters: what several concepts share, by concept; one that is not named is a cluster of its own.
        limits: the metric's least and greatest possible value; not used where the score lies beyond.
    """
    if score.value is None or score.stderr is None:
        return None
    found = _interval(values, reduction, score, clusters)
    if found is None or not limits[0] <= score.value <= limits[1]:
        return found
    return found.model_copy(update={"low": max(found.low, limits[0]), "high": min(found.high, limits[1])})


def _interval(
    values: Sequence[ConceptValue], reduction: Reduction, score: Score, clusters: Mapping[str, str]
) -> IntervalRecord | None:
    if reduction.kind == "set":
        if score.low is None or score.high is None or not scatters(score.value or 0.0, score.stderr):
            return None
        return IntervalRecord(method="student_t", low=score.low, high=score.high, clusters=float(score.concepts))
    found = influences_of(values, reduction)
    return None if found is None else mean_interval(found, clusters)


def mean_interval(found: Influences, clusters: Mapping[str, str]) -> IntervalRecord | None:
    """BCa over clusters; over states of the model that cross them, or seeds of the method, Student's t.

    A bootstrap needs one kind of cluster; edits made alone, each judged by its own concept, are of the same kind. A
    variance over seeds brings their few degrees of freedom (Satterthwaite).
    """
    design = design_of(found.keys, found.shares, clusters)
    variance, freedom = score_variance(found, design)
    stderr = float(np.sqrt(variance))
    if design.fewest * ROUNDING < FEWEST or not scatters(found.value, stderr):
        return None
    if has_one_kind_of_cluster(found, design):
        numbers = np.array(list(found.numbers.values()), dtype=np.float64)
        low, high = chosen_interval(found.value, cluster_sums(numbers, design.clusters))
        return IntervalRecord(method="bca", low=low, high=high, clusters=design.fewest)
    if design.state_count == 1 and found.seed_variance and found.seeds < FEWEST_SEEDS:
        return None
    ends = interval(found.value, stderr, freedom, design.fewest)
    if ends[0] is None or ends[1] is None:
        return None
    return IntervalRecord(method="student_t", low=ends[0], high=ends[1], clusters=design.fewest)

"""Test a row's own value on few clusters, by the bounds that the metric declares."""

import math
from collections.abc import Callable

import numpy as np

from iceb.base.errors import ResultError
from iceb.leaderboard.claim_estimates import claim_influences, score_of
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.row_clusters import cluster_names
from iceb.specs.influences import Influences, design_of
from iceb.specs.reduction import Reduction
from iceb.statistics.bounded import BoundedMean
from iceb.statistics.clusters import cluster_sums

ENOUGH = 100  # clusters of equal weight; below, some populations pass a false claim by t more often (docs/claims.md)
Bounds = Callable[[str], tuple[float, float]]  # metric → its least and greatest possible value
UNKNOWN = (-math.inf, math.inf)


def without_bounds(metric: str) -> tuple[float, float]:
    """The bounds of a metric of which none are known."""
    return UNKNOWN


def bounded_mean(filed: FiledResult, metric: str, bounds: tuple[float, float]) -> BoundedMean:
    """A row's value as a mean over clusters of bounded values.

    Raises:
        ResultError: it is none; the message says why.
    """
    score = score_of(filed, metric)
    if why := _not_one_mean(score.reduction.reduction):
        raise _refusal(metric, why)
    found = claim_influences(filed, score)
    if why := _not_one_sample(found):
        raise _refusal(metric, why)
    design = design_of(found.keys, found.shares, cluster_names(filed.result))
    sizes = cluster_sums(design.shares, design.clusters)
    changes = np.array([found.changes[key] for key in found.keys])
    means = cluster_sums(design.shares * changes, design.clusters) / sizes
    low, high = bounds
    if means.min() < low or means.max() > high:
        raise _refusal(metric, f"its clusters reach from {means.min():g} to {means.max():g}, beyond its declared range")
    return BoundedMean(means, sizes, low, high)


def refuse_unbounded(found: BoundedMean, metric: str, *, above: bool) -> None:
    """Refuse a test on a side without a bound.

    Raises:
        ResultError: as it says.
    """
    if math.isinf(found.low if above else found.high):
        raise _refusal(metric, f"it has no declared {'least' if above else 'greatest'} value")


def _not_one_mean(reduction: Reduction) -> str:
    if reduction.kind == "set":
        return "it is a distance of sets"
    if len(reduction.parts) > 1 or reduction.combine != "sum":
        return f"it has {len(reduction.parts)} parts"
    (part,) = reduction.parts.values()
    return "" if part.weight == 1 and part.is_plain else "its values are counted on another scale"


def _not_one_sample(found: Influences) -> str:
    if len({key.state for key in found.keys}) > 1:
        return "it is pooled over several draws"
    return "it is pooled over several seeds" if found.seeds > 1 else ""


def _refusal(metric: str, why: str) -> ResultError:
    return ResultError(
        f"{metric} rests on fewer than {ENOUGH} clusters of equal weight, where a row's own value is tested by bounds "
        f"alone, and {why}: claim it at more edits, or as a difference of two rows"
    )

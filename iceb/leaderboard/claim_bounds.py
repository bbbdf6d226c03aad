"""Test a row's value, or a difference of two, on few clusters, by the metric's declared bounds."""

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
from iceb.statistics.clusters import Design, Floats, cluster_sums

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
    found = _one_sample(filed, metric)
    design = design_of(found.keys, found.shares, cluster_names(filed.result))
    return _mean_of(metric, np.array([found.changes[key] for key in found.keys]), design, bounds)


def bounded_difference(first: FiledResult, metric: str, second: FiledResult, other: str, bounds: Bounds) -> BoundedMean:
    """The first row's value less the second's as a mean over clusters of bounded values.

    Raises:
        ResultError: it is none; the message says why.
    """
    one, two = (_one_sample(filed, name) for filed, name in ((first, metric), (second, other)))
    if dict(one.shares) != dict(two.shares):
        raise _refusal(metric, "the two are of other concepts")
    (low, high), (least, greatest) = bounds(metric), bounds(other)
    if not all(map(math.isfinite, (low, high, least, greatest))):
        raise _refusal(metric, "its values have no declared bound on both sides")
    design = design_of(one.keys, one.shares, cluster_names(first.result))
    gaps = np.array([one.changes[key] - two.changes[key] for key in one.keys])
    return _mean_of(metric, gaps, design, (low - greatest, high - least))


def _one_sample(filed: FiledResult, metric: str) -> Influences:
    """A row's influences on a metric that is one mean over one sample.

    Raises:
        ResultError: it is none; the message says why.
    """
    score = score_of(filed, metric)
    if why := _not_one_mean(score.reduction.reduction):
        raise _refusal(metric, why)
    found = claim_influences(filed, score)
    if why := _not_one_sample(found):
        raise _refusal(metric, why)
    return found


def _mean_of(metric: str, values: Floats, design: Design, bounds: tuple[float, float]) -> BoundedMean:
    """The mean of a design's values over its clusters.

    Values are judged before they are summed: rounding may carry a cluster's mean beyond a bound by last bits, and only
    such a mean is set back onto it.

    Raises:
        ResultError: a value lies beyond the bounds.
    """
    low, high = bounds
    if values.min() < low or values.max() > high:
        reach = f"from {values.min():g} to {values.max():g}"
        raise _refusal(metric, f"its values reach {reach}, beyond its declared range")
    sizes = cluster_sums(design.shares, design.clusters)
    means = cluster_sums(design.shares * values, design.clusters) / sizes
    return BoundedMean(means.clip(low, high), sizes, low, high)


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
        f"{metric} rests on fewer than {ENOUGH} clusters of equal weight, where a claim is tested by its metric's "
        f"bounds alone, and {why}: claim it at more edits, or of a metric that is one mean with bounds"
    )

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
    score = score_of(filed, metric)
    if why := _not_one_mean(score.reduction.reduction):
        raise _refusal(metric, why)
    found = claim_influences(filed, score)
    if why := _not_one_sample(found):
        raise _refusal(metric, why)
    design = design_of(found.keys, found.shares, cluster_names(filed.result))
    found_mean = _mean_of(np.array([found.changes[key] for key in found.keys]), design, bounds)
    if found_mean is None:
        reach = [f"{end(found.changes.values()):g}" for end in (min, max)]
        raise _refusal(metric, f"its values reach from {reach[0]} to {reach[1]}, beyond its declared range")
    return found_mean


def bounded_difference(
    first: FiledResult, metric: str, second: FiledResult, other: str, bounds: Bounds
) -> BoundedMean | None:
    """The first row's value less the second's as a mean over clusters of bounded values.

    None where there is no such mean: a value has several parts, draws or seeds, or no bound, or is of other concepts.

    Raises:
        ResultError: a row has no value with an error.
    """
    scores = score_of(first, metric), score_of(second, other)
    if any(_not_one_mean(score.reduction.reduction) for score in scores):
        return None
    one, two = (claim_influences(filed, score) for filed, score in zip((first, second), scores, strict=True))
    if _not_one_sample(one) or _not_one_sample(two) or dict(one.shares) != dict(two.shares):
        return None
    (low, high), (least, greatest) = bounds(metric), bounds(other)
    if not all(map(math.isfinite, (low, high, least, greatest))):
        return None
    design = design_of(one.keys, one.shares, cluster_names(first.result))
    gaps = np.array([one.changes[key] - two.changes[key] for key in one.keys])
    return _mean_of(gaps, design, (low - greatest, high - least))


def _mean_of(values: Floats, design: Design, bounds: tuple[float, float]) -> BoundedMean | None:
    """The mean of a design's values over its clusters; None where a value lies beyond the bounds.

    Values are judged before they are summed: rounding may carry a cluster's mean beyond a bound by last bits, and only
    such a mean is set back onto it.
    """
    low, high = bounds
    if values.min() < low or values.max() > high:
        return None
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
        f"{metric} rests on fewer than {ENOUGH} clusters of equal weight, where a row's own value is tested by bounds "
        f"alone, and {why}: claim it at more edits, or as a difference of two rows"
    )

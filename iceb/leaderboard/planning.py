"""Compute from results how many concepts or seeds a comparison of two methods needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from iceb.base.errors import ResultError
from iceb.leaderboard.comparable import refuse_unlike
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.row_clusters import cluster_names, requests_of
from iceb.runs.table import last_group_rows
from iceb.specs.influences import Influences, Key, align, design_of, influences_of
from iceb.specs.records import MethodRecord
from iceb.specs.results import Result
from iceb.statistics.clusters import Design, Floats
from iceb.statistics.power import PairedVariance, concepts_needed, detectable_difference, seeds_needed


@dataclass(frozen=True)
class PairPlan:
    """The size of a comparison of two results.

    Attributes:
        variance: of the paired difference, by where it comes from.
        concepts: of the pilot.
        seeds: of the pilot; the fewer of the two results'.
        needed: concepts that see the difference with that many seeds; None where no number does.
        needed_seeds: seeds with which the pilot's concepts see it; None likewise.
        seen: the smallest difference that the pilot itself sees.
    """

    first: Result
    second: Result
    variance: PairedVariance
    concepts: int
    seeds: int
    needed: int | None
    needed_seeds: int | None
    seen: float


def plan_pairs(
    filed: Sequence[FiledResult], metric: str, difference: float, *, alpha: float, power: float, method: str = ""
) -> list[PairPlan]:
    """Plan every pair of results, those that need most concepts last.

    Args:
        method: only pairs that one of its results is in; controls are in no pair but those of a control that is named.

    Raises:
        ResultError: no two of them have the metric with an error over ten concepts or more.
    """
    known = [(each, found) for each in filed if (found := _influences(each, metric)) is not None]
    pairs = [
        (one, other)
        for one, other in combinations(known, 2)
        if _is_asked(one[0].result.method, other[0].result.method, method)
    ]
    if not pairs:
        raise ResultError(
            f"no two results {f'with {method} among them ' if method else ''}have {metric} with an error: name two "
            "run folders, or another `task`, `num_edits` or metric"
        )
    plans = [_plan(one, other, difference, alpha, power) for one, other in pairs]
    return sorted(plans, key=lambda plan: (plan.needed is None, plan.needed or 0, plan.seen))


def _is_asked(one: MethodRecord, other: MethodRecord, method: str) -> bool:
    if method:
        return method in (one.name, other.name)
    return not any(each.package == "iceb" and not each.paper for each in (one, other))


def _influences(filed: FiledResult, metric: str) -> Influences | None:
    score = filed.result.score(metric)
    values = [row.value for row in last_group_rows(filed.result, filed.rows) if row.metric == metric]
    return None if score is None or not values else influences_of(values, score.reduction.reduction)


def _plan(
    one: tuple[FiledResult, Influences],
    other: tuple[FiledResult, Influences],
    difference: float,
    alpha: float,
    power: float,
) -> PairPlan:
    refuse_unlike(one[0], other[0])
    variance, concepts = paired_variance(one[0].result, one[1], other[1])
    seeds = min(one[1].seeds, other[1].seeds)
    return PairPlan(
        one[0].result,
        other[0].result,
        variance,
        concepts,
        seeds,
        concepts_needed(difference, variance, seeds, alpha, power),
        seeds_needed(difference, variance, concepts, alpha, power),
        detectable_difference(variance, concepts, seeds, alpha, power),
    )


def paired_variance(result: Result, first: Influences, second: Influences) -> tuple[PairedVariance, int]:
    """The variance of a paired difference, and the number of concepts that are edited.

    What more requests make smaller is the variance over the requests' own statistics; that of prompts which every
    number of edits shares, such as classes left alone, stays as it is.
    """
    requests = requests_of(result)
    keys = [key for key in first.keys if key in second.numbers]
    edited = [key for key in keys if key.concept in requests] or keys
    shared = [key for key in keys if key not in set(edited)]
    over_requests, over_shared = (_over_concepts(some, result, first, second) for some in (edited, shared))
    concepts = len({key.concept for key in edited})
    seeded = [each.seed_variance * each.seeds for each in (first, second) if each.seed_variance is not None]
    return PairedVariance(over_requests * concepts, float(sum(seeded)), over_shared), concepts


def _over_concepts(keys: Sequence[Key], result: Result, first: Influences, second: Influences) -> float:
    if not keys:
        return 0.0
    design: Design = design_of(keys, first.shares, cluster_names(result))
    one, other = align([first, second], keys)
    apart: Floats = one - other
    return float(np.asarray(design.variance(apart)[0]))

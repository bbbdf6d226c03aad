"""Compare two results on the same prompts and seeds, metric by metric."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from iceb.leaderboard.comparable import refuse_unlike, score_differences
from iceb.leaderboard.compared import Comparison, ConceptDifference, MetricComparison
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.paired_sets import set_difference
from iceb.leaderboard.pairwise import paired_variances
from iceb.leaderboard.row_clusters import cluster_names
from iceb.runs.table import last_group_rows
from iceb.specs.chosen_intervals import mean_interval
from iceb.specs.influences import Influences, Key, design_of, influences_of
from iceb.specs.records import ScoreRecord
from iceb.specs.reduction import ConceptValue
from iceb.specs.variance_components import components_of
from iceb.statistics.clusters import cluster_sums
from iceb.statistics.estimates import FEWEST, ROUNDING
from iceb.statistics.paired_tests import holm, sign_flip_pvalue, t_difference

MOST_SHOWN = 10  # concepts that differ most


def compare(first: FiledResult, second: FiledResult, names: Mapping[str, str] | None = None) -> Comparison:
    """Compare two results metric by metric.

    Args:
        names: what concepts are called, by the tables' names.

    Raises:
        ResultError: they are not of the same task, data, prompts, model and sampling; the message says what differs.
    """
    refuse_unlike(first, second)
    clusters = cluster_names(first.result)
    found, left_out = [], []
    for score in first.result.scores:
        other = second.result.score(score.metric)
        if other is None:
            left_out.append(f"{score.metric}: {second.path} has none")
        elif apart := score_differences(score, other):
            left_out.append(f"{score.metric}: {', '.join(each.text for each in apart)}")
        else:
            values = tuple(_values(filed, score.metric) for filed in (first, second))
            found.append(_metric((score, other), values, clusters, names or {}))
    known = {score.metric for score in first.result.scores}
    left_out += [f"{each.metric}: {first.path} has none" for each in second.result.scores if each.metric not in known]
    adjusted = holm([each.p for each in found])
    return Comparison(
        first,
        second,
        tuple(replace(each, p_holm=p) for each, p in zip(found, adjusted, strict=True)),
        tuple(left_out),
    )


def _values(filed: FiledResult, metric: str) -> list[ConceptValue]:
    """The statistics of the last group of checkpoints."""
    return [row.value for row in last_group_rows(filed.result, filed.rows) if row.metric == metric]


def _metric(
    scores: tuple[ScoreRecord, ScoreRecord],
    values: Sequence[list[ConceptValue]],
    clusters: Mapping[str, str],
    names: Mapping[str, str],
) -> MetricComparison:
    score, reduction = scores[0], scores[0].reduction.reduction
    made = _values_alone(scores)
    if None in (scores[0].value, scores[1].value):
        return replace(made, note=next(each.note for each in scores if each.value is None))
    if reduction.kind == "set":
        difference, note = set_difference(values[0], values[1], reduction)
        return replace(made, difference=difference, p=difference.p if difference else None, note=note)
    influences = [influences_of(each, reduction) for each in values]
    if influences[0] is None or influences[1] is None:
        return replace(made, note="its mean over parts has no error, so there is no test")
    common = [key for key in influences[0].keys if key in influences[1].numbers]
    unpaired = sorted(
        {key.concept for each in influences if each for key in each.keys} - {key.concept for key in common}
    )
    if len(common) < max(len(influences[0].keys), len(influences[1].keys)):
        influences = [influences_of(_only(each, common), score.reduction.reduction) for each in values]
    if influences[0] is None or influences[1] is None:
        return replace(made, note="the two share too few concepts", unpaired=tuple(unpaired))
    return replace(_with_tests(made, influences[0], influences[1], clusters, names), unpaired=tuple(unpaired))


def _values_alone(scores: tuple[ScoreRecord, ScoreRecord]) -> MetricComparison:
    first, second = scores
    return MetricComparison(
        metric=first.metric,
        unit=first.unit,
        higher_is_better=first.higher_is_better,
        first=first.value,
        second=second.value,
        difference=None,
        p=None,
        p_permutation=None,
        n=min(first.n, second.n),
        clusters=min(first.concepts, second.concepts),
    )


def _only(values: Sequence[ConceptValue], keys: Sequence[Key]) -> list[ConceptValue]:
    """The statistics of concepts and parts that both results have."""
    both = {(key.part, key.concept) for key in keys}
    return [value for value in values if (value.part, value.concept) in both]


def _with_tests(
    made: MetricComparison, first: Influences, second: Influences, clusters: Mapping[str, str], names: Mapping[str, str]
) -> MetricComparison:
    design = design_of(first.keys, first.shares, clusters)
    variances, freedoms = paired_variances({0: first, 1: second}, [1], [0], clusters)
    found = t_difference(second.value - first.value, float(variances[0]), float(freedoms[0]))
    by_signs = sign_flip_pvalue(_cluster_differences(first, second, clusters)) if design.states_lie_within else None
    enough = design.fewest * ROUNDING >= FEWEST
    ends = [mean_interval(each, clusters) for each in (first, second)] if enough else []
    few = f"{design.fewest:.1f} clusters of equal weight: no interval and no t test below {FEWEST}"
    return replace(
        made,
        first=first.value,
        second=second.value,
        difference=found if enough else None,
        p=found.p if enough else by_signs,
        p_permutation=by_signs,
        clusters=design.count,
        note="" if enough else few,
        intervals=tuple((each.low, each.high) for each in ends if each) if all(ends) else (),
        spread=(components_of(first, clusters), components_of(second, clusters)),
        concepts=_most_different(first, second, names),
    )


def _cluster_differences(first: Influences, second: Influences, clusters: Mapping[str, str]) -> list[float]:
    """Each cluster's part in the difference of the values.

    Its influences, and its share of the difference of its part's mean.
    """
    design = design_of(first.keys, first.shares, clusters)
    apart = np.array([second.numbers[key] - first.numbers[key] for key in first.keys])
    whole = second.value - first.value
    found: list[float] = cluster_sums(apart + whole * design.shares / design.shares.sum(), design.clusters).tolist()
    return found


def _most_different(first: Influences, second: Influences, names: Mapping[str, str]) -> tuple[ConceptDifference, ...]:
    """The concepts whose changes are furthest apart, means over states of the model."""
    sums: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for key in first.keys:
        sums.setdefault((key.part, key.concept), []).append((first.changes[key], second.changes[key]))
    found = [
        ConceptDifference(concept, part, names.get(concept, concept), *np.mean(pairs, axis=0).tolist())
        for (part, concept), pairs in sums.items()
    ]
    found.sort(key=lambda each: (-abs(each.difference), each.part, each.concept))
    return tuple(found[:MOST_SHOWN])

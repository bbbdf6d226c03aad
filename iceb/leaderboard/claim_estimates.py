"""Estimates behind claims: the value of a row, or the difference of two rows, with its error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from iceb.base.errors import ResultError
from iceb.base.suggestions import unknown
from iceb.base.wording import count_text
from iceb.leaderboard.cells import cell
from iceb.leaderboard.comparable import refuse_unlike, score_differences
from iceb.leaderboard.filed_result import FiledResult, read_filed
from iceb.leaderboard.finding import row_name
from iceb.leaderboard.known_floor import known_floor
from iceb.leaderboard.paired_sets import set_difference
from iceb.leaderboard.pairwise import paired_variances
from iceb.leaderboard.row_clusters import cluster_names
from iceb.runs.folder import read_result
from iceb.runs.table import last_group_rows
from iceb.specs.influences import Influences, align, design_of, has_one_kind_of_cluster, influences_of, score_variance
from iceb.specs.records import ScoreRecord
from iceb.specs.reduction import ConceptValue
from iceb.specs.results import Result
from iceb.statistics.clusters import cluster_sums
from iceb.statistics.estimates import FEWEST, ROUNDING
from iceb.statistics.one_sided import Estimate, skewness_of


@dataclass
class Shelf:
    """The results of a leaderboards folder, by row and number of edits, read when they are asked for."""

    results: Path
    _read: dict[Path, FiledResult] = field(default_factory=dict)

    @cached_property
    def _by_row(self) -> Mapping[tuple[str, str], Mapping[str, list[tuple[Path, Result]]]]:
        """Task and family → row's name → its results."""
        found: dict[tuple[str, str], dict[str, list[tuple[Path, Result]]]] = {}
        for path in sorted(self.results.rglob("*.json")):
            result = read_result(path)
            rows = found.setdefault((result.task.name, result.model.family), {})
            rows.setdefault(row_name(result), []).append((path, result))
        return found

    def filed_result(self, task: str, model: str, row: str, num_edits: int) -> FiledResult:
        """The result of a row at a number of edits, the first of its reproductions.

        Raises:
            ResultError: there is no such row, or it has no result there; the message names those that there are.
        """
        rows = self._by_row.get((task, model), {})
        if not rows:
            known = "; ".join(" on ".join(each) for each in self._by_row) or "none"
            raise ResultError(f"there is no row of task {task} on {model}: there are {known}")
        if row not in rows:
            raise ResultError(unknown(f"row of task {task} on {model}", row, list(rows)))
        here = {path: result for path, result in rows[row] if result.num_edits == num_edits}
        if not here:
            counts = ", ".join(map(str, sorted({result.num_edits for _, result in rows[row]})))
            raise ResultError(f"row {row!r} of task {task} has no result at {num_edits} edits: it has {counts}")
        first = cell(here.values()).first
        path = next(path for path, result in here.items() if result is first)
        if path not in self._read:
            self._read[path] = read_filed(path)
        return self._read[path]


def score_of(filed: FiledResult, metric: str) -> ScoreRecord:
    """A result's score of a metric.

    Raises:
        ResultError: it has none, or no value; the message says why.
    """
    score = filed.result.score(metric)
    name = f"row {row_name(filed.result)!r} at {count_text(filed.result.num_edits, 'edit')}"
    if score is None:
        raise ResultError(unknown(f"metric of {name}", metric, [each.metric for each in filed.result.scores]))
    if score.value is None:
        raise ResultError(f"{name} has no {metric}: {score.note or 'no value'}")
    return score


def value_estimate(filed: FiledResult, metric: str) -> Estimate:
    """A row's value with its error.

    Raises:
        ResultError: it has none, no error, or rests on fewer than ten clusters.
    """
    score = score_of(filed, metric)
    if score.reduction.reduction.kind == "set":
        _refuse_few(float(score.concepts), metric)
        if score.value is None or score.stderr is None:
            raise ResultError(f"{metric} has no error: {score.note or 'one concept'}")
        return _plain(score.value, score.stderr, score.concepts - 1.0, clusters=score.concepts)
    mine = claim_influences(filed, score)
    if not mine.keys:
        raise ResultError(f"{metric} of {filed.path} is a known number without an error: nothing is to be tested")
    clusters = cluster_names(filed.result)
    design = design_of(mine.keys, mine.shares, clusters)
    _refuse_few(design.fewest, metric)
    variance, freedom = score_variance(mine, design)
    skewness = 0.0
    if has_one_kind_of_cluster(mine, design):
        skewness = float(skewness_of(cluster_sums(np.array(list(mine.numbers.values())), design.clusters)))
    return _plain(mine.value, float(np.sqrt(variance)), freedom, skewness, design.fewest)


def difference_estimate(first: FiledResult, metric: str, second: FiledResult, other: str) -> Estimate:
    """The first row's value less the second's, paired by concepts and seeds.

    `other` is the second's metric.

    Raises:
        ResultError: the two do not compare, have no error, or rest on fewer than ten clusters.
    """
    refuse_unlike(first, second)
    one, two = score_of(first, metric), score_of(second, other)
    if metric == other and (apart := score_differences(one, two)):
        raise ResultError(f"{metric} of the two does not compare: they have {apart[0].text}")
    if one.measures != two.measures or one.higher_is_better != two.higher_is_better:
        raise ResultError(f"{metric} and {other} do not compare: they have other judges, or another better direction")
    if one.reduction.reduction.kind == "set":
        found, note = set_difference(_values(second, other), _values(first, metric), one.reduction.reduction)
        if found is None:
            raise ResultError(f"{metric} of the two has no difference with an error: {note}")
        return _plain(found.value, found.stderr, found.freedom, clusters=min(one.concepts, two.concepts))
    clusters = cluster_names(first.result)
    both = {0: claim_influences(first, one), 1: claim_influences(second, two)}
    shares = {key: share for each in both.values() for key, share in each.shares.items()}
    design = design_of(tuple(shares), shares, clusters)
    _refuse_few(design.fewest, metric)
    variances, freedoms = paired_variances(both, [0], [1], clusters)
    mine, theirs = align(list(both.values()), tuple(shares))
    alone = all(has_one_kind_of_cluster(each, design) for each in both.values())
    skewness = float(skewness_of(cluster_sums(mine - theirs, design.clusters))) if alone else 0.0
    gap = both[0].value - both[1].value
    return _plain(gap, float(np.sqrt(variances[0])), float(freedoms[0]), skewness, design.fewest)


def _plain(value: float, stderr: float, freedom: float, skewness: float = 0.0, clusters: float = np.inf) -> Estimate:
    numbers = (value, stderr, freedom, skewness)
    of_value, error, freedoms, skew = (np.array(number, dtype=np.float64) for number in numbers)
    return Estimate(of_value, error, freedoms, skew, float(clusters))


def _values(filed: FiledResult, metric: str) -> list[ConceptValue]:
    return [row.value for row in last_group_rows(filed.result, filed.rows) if row.metric == metric]


def claim_influences(filed: FiledResult, score: ScoreRecord) -> Influences:
    """A score's influences.

    Raises:
        ResultError: it has no linear error.
    """
    found = known_floor(filed.result, score) or influences_of(_values(filed, score.metric), score.reduction.reduction)
    if found is None:
        raise ResultError(f"{score.metric} of {filed.path} has no error, so that no test of it is possible")
    return found


def _refuse_few(clusters: float, metric: str) -> None:
    if clusters * ROUNDING < FEWEST:
        raise ResultError(
            f"{metric} rests on {clusters:.1f} clusters of equal weight: no claim is tested below {FEWEST}"
        )

"""Test every pair of rows at one number of edits, on the same concepts and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from iceb.leaderboard.known_floor import known_floor
from iceb.leaderboard.row_clusters import cluster_names
from iceb.runs.table import TableRow, last_group_rows
from iceb.specs.influences import Influences, align, design_of, influences_of
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.tasks import Task
from iceb.statistics.clusters import Floats, satterthwaite
from iceb.statistics.estimates import FEWEST, LEVEL, ROUNDING
from iceb.statistics.paired_tests import holm, t_pvalues
from iceb.statistics.rank_intervals import Booleans

Tables: TypeAlias = Mapping[str, Sequence[TableRow]]  # digest of a result's table → its rows


@dataclass(frozen=True)
class Evidence:
    """The tables behind results, and what their concepts share."""

    task: Task
    tables: Tables = field(default_factory=dict)

    def influences(
        self, result: Result, score: ScoreRecord, side: Literal["before", "after"] | None = None
    ) -> Influences | None:
        """The influences on a score of the last group of checkpoints; None where the table is not at hand.

        Args:
            side: of the score's quantity on this side alone.
        """
        rows = self.tables.get(result.per_concept.sha256, ()) if result.per_concept is not None else ()
        values = [row.value for row in last_group_rows(result, rows) if row.metric == score.metric]
        reduction = score.reduction.reduction
        if side is not None and reduction.kind == "mean":
            reduction = replace(
                reduction, parts={name: replace(part, change=side) for name, part in reduction.parts.items()}
            )
        return influences_of(values, reduction) if values else None

    def clusters(self, result: Result) -> Mapping[str, str]:
        """The cluster of each of a result's concepts that shares one."""
        return cluster_names(result, self.task)


@dataclass(frozen=True)
class Pairs:
    """The tests of all pairs of K rows.

    Attributes:
        enough: whether each row rests on ten clusters or more; without, it is told apart from none.
        better: (K, K); whether row i is proven better than row j, by Holm's procedure over all pairs.
    """

    enough: tuple[bool, ...]
    better: Booleans


def compare_pairs(
    entries: Sequence[tuple[Result, ScoreRecord]],
    evidence: Evidence,
    *,
    higher_is_better: bool = True,
) -> Pairs:
    """Test all pairs of results of one number of edits in one metric.

    Results whose tables are at hand, as all of a leaderboard are, are compared concept by concept. Others are compared
    by their standard errors alone, as if they were not of the same prompts.

    Args:
        entries: results with their scores; each has a value, and an error unless it is a known floor.
    """
    known = [known_floor(*entry) for entry in entries]
    influences = [fixed or evidence.influences(*entry) for fixed, entry in zip(known, entries, strict=True)]
    clusters = evidence.clusters(entries[0][0]) if entries else {}
    scores = [score for _, score in entries]
    enough = [
        fixed is not None or _rests_on_enough(each, score, clusters)
        for fixed, each, score in zip(known, influences, scores, strict=True)
    ]
    pairs = [(i, j) for i, j in combinations(range(len(entries)), 2) if enough[i] and enough[j]]
    better = np.zeros((len(entries), len(entries)), dtype=np.bool_)
    if not pairs:
        return Pairs(tuple(enough), better)
    values = np.array([score.value for score in scores], dtype=np.float64)
    one, other = np.array(pairs).T
    gains = (values[one] - values[other]) * (1 if higher_is_better else -1)
    found = holm(t_pvalues(gains, *_variances(pairs, influences, scores, clusters)).tolist())
    for (i, j), gain, p in zip(pairs, gains.tolist(), found, strict=True):
        if p is not None and p <= 1 - LEVEL and gain:
            better[(i, j) if gain > 0 else (j, i)] = True
    return Pairs(tuple(enough), better)


def _rests_on_enough(influences: Influences | None, score: ScoreRecord, clusters: Mapping[str, str]) -> bool:
    if influences is None:
        return score.stderr is not None
    return design_of(influences.keys, influences.shares, clusters).fewest * ROUNDING >= FEWEST


def _variances(
    pairs: Sequence[tuple[int, int]],
    influences: Sequence[Influences | None],
    scores: Sequence[ScoreRecord],
    clusters: Mapping[str, str],
) -> tuple[Floats, Floats]:
    """The variance of each pair's difference, and its degrees of freedom."""
    variances, freedoms = np.zeros(len(pairs)), np.ones(len(pairs))
    paired = [place for place, (i, j) in enumerate(pairs) if influences[i] is not None and influences[j] is not None]
    for place in sorted(set(range(len(pairs))) - set(paired)):
        variances[place], freedoms[place] = _unpaired_variance(*(scores[row] for row in pairs[place]))
    known = {row: each for row, each in enumerate(influences) if each is not None}
    if paired:
        one, other = np.array([pairs[place] for place in paired]).T
        variances[paired], freedoms[paired] = paired_variances(known, one.tolist(), other.tolist(), clusters)
    return variances, freedoms


def _unpaired_variance(first: ScoreRecord, second: ScoreRecord) -> tuple[float, float]:
    of_first, of_second = (first.stderr or 0.0) ** 2, (second.stderr or 0.0) ** 2
    return of_first + of_second, float(max(min(first.concepts, second.concepts) - 1, 1))


def paired_variances(
    influences: Mapping[int, Influences], one: Sequence[int], other: Sequence[int], clusters: Mapping[str, str]
) -> tuple[Floats, Floats]:
    """Variances of the differences between results, and their degrees of freedom.

    Where there is one state of the model, the variance over each method's own seeds comes on top; where there are
    several draws, that between draws holds it already.
    """
    places = {row: place for place, row in enumerate(influences)}
    shares = {key: share for each in influences.values() for key, share in each.shares.items()}
    keys = tuple(shares)
    design = design_of(keys, shares, clusters)
    numbers = align(list(influences.values()), keys)
    differences = numbers[[places[row] for row in one]] - numbers[[places[row] for row in other]]
    variances, freedoms = design.variance(differences)
    if design.state_count > 1 or all(each.seed_variance is None for each in influences.values()):
        return variances, freedoms
    seeded = [_of_seeds(influences, rows) for rows in (one, other)]
    whole = variances + sum(variance for variance, _ in seeded)
    return whole, satterthwaite((variances, freedoms), *seeded)


def _of_seeds(influences: Mapping[int, Influences], rows: Sequence[int]) -> tuple[Floats, Floats]:
    return (
        np.array([influences[row].seed_variance or 0.0 for row in rows]),
        np.array([max(influences[row].seeds - 1.0, 1.0) for row in rows]),
    )

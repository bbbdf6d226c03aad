"""Make a result's scores again from its table, where an older version of the reduction made them."""

from collections.abc import Mapping, Sequence
from typing import Any

from iceb.leaderboard.recompute import NUMBERS, agrees, grouped_values
from iceb.leaderboard.row_clusters import known_clusters
from iceb.runs.table import TableRow
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.meanings import bounds_of
from iceb.specs.records import ScoreRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import VERSION, ConceptValue
from iceb.specs.results import Result


def reduce_again(result: Result, rows: Sequence[TableRow]) -> Result:
    """A result with the scores that today's reduction makes of its table; itself where it has them.

    Raises:
        SpecError: as `scores_again`.
    """
    return result if result.reduction_version >= VERSION else scores_again(result, rows)


def scores_again(result: Result, rows: Sequence[TableRow]) -> Result:
    """A result with its scores and intervals made again from its table.

    Where requests share clusters that are not at hand, intervals are left out.

    Raises:
        SpecError: the table has values that a score's reduction cannot read.
    """
    grouped, clusters = grouped_values(rows), known_clusters(result)
    earlier = {checkpoint.group for checkpoint in result.checkpoints}
    last = next((group for group in grouped if group not in earlier), "")
    made: dict[str, Any] = {"scores": _scores(result.scores, grouped.get(last, {}), clusters)}
    made["checkpoints"] = tuple(
        each.model_copy(update={"scores": _scores(each.scores, grouped.get(each.group, {}), clusters)})
        for each in result.checkpoints
    )
    return result.model_copy(update={**made, "reduction_version": VERSION})


def _scores(
    scores: Sequence[ScoreRecord], values: Mapping[str, list[ConceptValue]], clusters: Mapping[str, str] | None
) -> tuple[ScoreRecord, ...]:
    return tuple(_score(score, values.get(score.metric, []), clusters) for score in scores)


def _score(score: ScoreRecord, values: list[ConceptValue], clusters: Mapping[str, str] | None) -> ScoreRecord:
    """One score again; one without statistics has no value, and says why."""
    if not values:
        return score
    reduction = score.reduction.reduction
    found = reduce_values(values, reduction)
    made = {name: getattr(found, name) for name in NUMBERS}
    changed: dict[str, Any] = {
        name: number for name, number in made.items() if not agrees(getattr(score, name), number)
    }
    limits = bounds_of(score.metric)
    ends = None if clusters is None else score_interval(values, reduction, found, clusters, limits)
    return score.model_copy(update={**changed, "note": found.note, "interval": ends})

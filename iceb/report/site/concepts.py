"""Each concept's change by metric and by row of a table, for the report's page."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from iceb.base.errors import IcebError, SpecError
from iceb.leaderboard.columns import Column
from iceb.leaderboard.rank import Row
from iceb.mini.world import class_names
from iceb.report.site.read_runs import ReadRun
from iceb.report.site.scores import round_number
from iceb.runs.table import TableRow
from iceb.specs.reduce import change_of
from iceb.specs.reduction import ConceptValue, Reduction
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.specs.schedules import edit_batches

CLASS = "class "  # how a cluster of a class without a name of its own is called


def dataset_requests(result: Result, cache: Path) -> Mapping[str, EditRequest]:
    """Return the requests of a result's dataset by id, where that version of it can be opened; else none.

    They are those at the result's number of edits, and all that the card counts: a draw of concepts takes any of them.
    An edit that is made with several seeds stands there by the name of its concept too.
    """
    from iceb.datasets import open_dataset

    try:
        dataset = open_dataset(result.task.dataset, None, cache, may_fetch=False)
        if dataset.card.version != result.task.dataset_version:
            return {}
        most = dataset.card.counts.get("requests", result.num_edits)
        schedules = [dataset.schedule(count) for count in (result.num_edits, most)]
    except IcebError:
        return {}
    batches = [batch for found in schedules for batch in edit_batches(found)]
    by_concept = {batch.concept: batch.requests[0] for batch in batches if batch.concept}
    return {**by_concept, **{each.id: each for batch in batches for each in batch.requests}}


def concept_name(cluster: str, requests: Mapping[str, EditRequest]) -> str:
    """Return a concept's name for readers: a request's edit, a class's name, or the cluster as it is.

    >>> concept_name("class 0", {}), concept_name("a castle", {})
    ('tench', 'a castle')
    """
    request = requests.get(cluster)
    if request is not None:
        return f"{request.source} → {' / '.join(request.dests) or '(erased)'}"
    number = cluster.removeprefix(CLASS)
    if cluster.startswith(CLASS) and number.isdigit() and int(number) < len(class_names()):
        return class_names()[int(number)]
    return cluster


def concept_values(run: ReadRun, row: Row, column: Column, count: int) -> dict[str, list[Any]]:
    """Return [change, before, after, images] by concept, of the last group of checkpoints.

    Values of one concept are averaged over its images, whatever part, checkpoint and replicate they are of; a part of
    weight 0 that only divides another is left out, and so are distances of sets, which no concept has alone.
    """
    score = row.score(column, count)
    if score is None or score.reduction.kind == "set":
        return {}
    own = [each for each in run.table if each.metric == score.metric]
    last = own[-1].group if own else ""
    found: dict[str, list[ConceptValue]] = {}
    for each in _values_of(own, last, score.reduction.reduction):
        found.setdefault(each.concept, []).append(each)
    return {
        concept: value
        for concept, values in found.items()
        if (value := _mean(values, score.reduction.reduction)) is not None
    }


def _values_of(rows: Iterable[TableRow], group: str, reduction: Reduction) -> Iterable[ConceptValue]:
    return (row.value for row in rows if row.group == group and row.value.part not in reduction.divisors)


def _mean(values: list[ConceptValue], reduction: Reduction) -> list[Any] | None:
    images = sum(value.n for value in values)
    try:
        change = sum(value.n * _change(value, reduction) for value in values) / images
    except SpecError:  # a side is missing that the part asks for
        return None
    sides = [_side(values, side, images) for side in ("before", "after")]
    return [round_number(change), *map(round_number, sides), images]


def _change(value: ConceptValue, reduction: Reduction) -> float:
    part = reduction.parts[value.part]
    change = change_of(value, part.change) * part.slope
    return change + (part.offset if part.change in ("before", "after") else 0.0)


def _side(values: list[ConceptValue], side: str, images: int) -> float | None:
    numbers = [getattr(value, side) for value in values]
    if any(number is None for number in numbers):
        return None
    return float(sum(value.n * number for value, number in zip(values, numbers, strict=True)) / images)

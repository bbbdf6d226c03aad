"""Group runs into boards: those of one task, data, model and sampling share a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from iceb import registry
from iceb.base.errors import ResultError, SpecError
from iceb.base.wording import count_text, task_label
from iceb.leaderboard.cells import setting
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.pairwise import Tables
from iceb.leaderboard.rank import Table, tables
from iceb.report.site.read_runs import ReadRun
from iceb.specs.results import Result
from iceb.specs.tasks import Task

NEVER = (10**9,)  # a declared number of edits that no run has: nothing is ranked


@dataclass(frozen=True)
class Board:
    """Comparable runs and their table.

    Attributes:
        name: unique in a report; a part of addresses.
        runs: by row of the table and number of edits; of several runs of one cell the latest.
        unranked: why no row has a rank; "" where rows are ranked.
        older: runs of a cell that has a later one.
    """

    name: str
    title: str
    table: Table
    runs: Mapping[tuple[int, int], ReadRun]
    sensitive: bool
    unranked: str
    older: int


def make_boards(runs: Sequence[ReadRun]) -> list[Board]:
    """Group runs into boards, those of most runs first."""
    grouped: dict[tuple[object, ...], list[ReadRun]] = {}
    for run in runs:
        outside = run.result.outside.model_dump_json() if run.result.outside is not None else ""
        grouped.setdefault((Identity.of(run.result), run.result.limit, run.result.share, outside), []).append(run)
    alike = [part for some in grouped.values() for part in _by_draws(some)]
    ordered = sorted(alike, key=lambda some: (-len(some), some[0].result.id))
    return [_board(f"{some[0].result.task.name.replace('/', '-')}-{n}", some) for n, some in enumerate(ordered, 1)]


def _by_draws(runs: Sequence[ReadRun]) -> list[list[ReadRun]]:
    """Divide runs by their draws where one number of edits has several: such rows do not compare."""
    pairs = {(run.result.num_edits, run.result.draws) for run in runs}
    if len(pairs) == len({count for count, _ in pairs}):
        return [list(runs)]
    return [[run for run in runs if run.result.draws == draws] for draws in sorted({run.result.draws for run in runs})]


def _board(name: str, runs: Sequence[ReadRun]) -> Board:
    latest: dict[tuple[str, int], ReadRun] = {}
    for run in sorted(runs, key=lambda run: (run.result.provenance.finished, run.result.id)):
        latest[setting(run.result), run.result.num_edits] = run
    results = [run.result for run in latest.values()]
    task = _installed_task(results[0])
    table, unranked = _table(
        results, task, {run.result.per_concept.sha256: run.table for run in runs if run.result.per_concept}
    )
    by_id = {id(run.result): run for run in latest.values()}
    placed = {
        (place, count): by_id[id(cell.first)]
        for place, row in enumerate(table.order)
        for count, cell in row.cells.items()
    }
    sensitive = task is not None and task.sensitive
    return Board(name, _title(results[0]), table, placed, sensitive, unranked, len(runs) - len(latest))


def _table(results: Sequence[Result], task: Task | None, per_concept: Tables) -> tuple[Table, str]:
    """Make the table of comparable results, and say why it ranks nothing.

    Args:
        task: theirs; None where it is not installed.
    """
    first, why = results[0], ""
    if task is None:
        why = f"task {first.task.name} is not installed here, so no metric is known to rank"
    elif part := part_text(first):
        why = f"these runs are partial ({part})"
    elif first.outside is not None:
        why = f"marked: {first.outside.words}"
    known = task or _stand_in(first)
    try:
        return tables(results, replace(known, edit_counts=NEVER) if why else known, per_concept)[0], why
    except ResultError as error:
        return tables(results, replace(_stand_in(first), edit_counts=NEVER))[0], str(error)


def part_text(result: Result) -> str:
    """The part of the prompts that a run drew, in words; "" of all."""
    if result.limit is not None:
        return f"at most {count_text(result.limit, 'prompt')} of each role"
    return "" if result.share is None else f"{result.share:g} of the prompts, drawn at random"


def _installed_task(result: Result) -> Task | None:
    """Load the task of a result; None where it is not installed."""
    try:
        task: Task = registry.load("tasks", result.task.name)
    except SpecError:
        return None
    return task


def _stand_in(result: Result) -> Task:
    """Declare a task by what its results hold; its first metric is shown first."""
    metrics = tuple(score.metric for score in result.scores) or ("none",)
    return Task(
        name=result.task.name.rpartition("/")[2],
        version=result.task.version,
        title=result.task.name,
        paper="",
        dataset=result.task.dataset,
        kind="replace",
        metrics=metrics,
        headline=metrics[0],
        edit_counts=NEVER,
        roles=("source",),
    )


def _title(result: Result) -> str:
    parts = [task_label(result.task.name, result.task.dataset), result.model.repo.rpartition("/")[2]]
    if result.limit is not None:
        parts.append(f"at most {result.limit} prompts a role")
    if result.share is not None:
        parts.append(f"{result.share:g} of the prompts")
    return ", ".join(parts)

"""List the runs in some folders: settings that tell them apart, status, and headline score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iceb import registry
from iceb.base.errors import ResultError, SpecError
from iceb.runs.folder import PLAN, RESULT, folders_with, read_result
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.runs import Scalar
from iceb.specs.tasks import Task


@dataclass(frozen=True)
class ListedRun:
    """One run's folder.

    Attributes:
        folder: where it lies.
        name: the run's id; of one without a result the folder's last three names.
        status: complete, partial, failed, unfinished (no result yet) or damaged (a result that cannot be read).
        part: which settings of the recipe that ships, "published" or "tuned for mini".
        changed: settings that are not those.
        headline: the outcome of the task's headline metric, or of the first one where the task is not installed.
        error: why it failed or cannot be read.
        finished: UTC, ISO 8601.
    """

    folder: Path
    name: str
    status: str
    task: str = ""
    method: str = ""
    num_edits: int | None = None
    draws: int = 1
    replicates: int = 1
    limit: int | None = None
    share: float | None = None
    model: str = ""
    part: str = ""
    changed: Mapping[str, Scalar] = field(default_factory=dict)
    headline: ScoreRecord | None = None
    error: str = ""
    finished: str = ""


def list_runs(outs: Sequence[Path]) -> list[ListedRun]:
    """List every run in these folders, the latest last.

    Raises:
        ResultError: one of them is not a folder, or cannot be read.
    """
    for out in outs:
        if not out.is_dir():
            raise ResultError(f"{out} is not a folder: name where runs were written (`out`), or single run folders")
    return sorted(_all_runs(outs), key=lambda run: (run.finished == "", run.finished, run.name))


def _all_runs(outs: Sequence[Path]) -> Iterator[ListedRun]:
    finished = folders_with(outs, RESULT)
    yield from map(_read_run, finished)
    for folder in folders_with(outs, PLAN):
        if folder not in finished:
            yield ListedRun(folder, _name(folder), "unfinished")


def _read_run(folder: Path) -> ListedRun:
    try:
        result = read_result(folder / RESULT)
    except ResultError as error:
        return ListedRun(folder, _name(folder), "damaged", error=str(error))
    return ListedRun(
        folder=folder,
        name=result.id,
        status=result.status,
        task=result.task.name,
        method=result.method.name,
        num_edits=result.num_edits,
        draws=result.draws,
        replicates=result.replicates,
        limit=result.limit,
        share=result.share,
        model=result.model.repo,
        part=result.method.recipe_part,
        changed=result.method.changed,
        headline=_headline(result),
        error=result.error or "",
        finished=result.provenance.finished,
    )


def _headline(result: Result) -> ScoreRecord | None:
    try:
        task: Task = registry.load("tasks", result.task.name)
    except SpecError:
        return result.scores[0] if result.scores else None
    return result.score(task.headline)


def _name(folder: Path) -> str:
    """Read a run's id from its folder's name: task, method, number of edits and digest."""
    return "/".join(folder.parts[-3:])

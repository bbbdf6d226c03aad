"""The forms of an export by name, and the way from runs to one of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from iceb.base.errors import ResultError, SpecError
from iceb.base.suggestions import unknown
from iceb.export.as_latex import write_latex
from iceb.export.as_markdown import write_markdown
from iceb.export.asking import ExportAsk, Exported
from iceb.export.eee import write_eee
from iceb.export.hub import write_hub
from iceb.export.item_lines import write_long_csv, write_parquet
from iceb.export.score_lines import write_csv
from iceb.export.trackers import write_mlflow, write_trackio, write_wandb
from iceb.report.site.boards import Board, make_boards
from iceb.report.site.read_runs import LeftOut, ReadRun, read_runs

Writer: TypeAlias = Callable[[Sequence[Board], Path, ExportAsk], Exported]
FORMS: Mapping[str, Writer] = {
    "markdown": write_markdown,
    "csv": write_csv,
    "long-csv": write_long_csv,
    "latex": write_latex,
    "parquet": write_parquet,
    "hf": write_hub,
    "eee": write_eee,
    "wandb": write_wandb,
    "mlflow": write_mlflow,
    "trackio": write_trackio,
}
FILES = ("markdown", "csv", "long-csv", "latex", "parquet")  # forms that are one file; the others are a folder


@dataclass(frozen=True)
class Wanted:
    """The choice among the runs.

    Attributes:
        tasks, counts: names of tasks, and numbers of edits; () for all.
    """

    tasks: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    def takes(self, run: ReadRun) -> bool:
        """Whether a run is wanted."""
        of_task = not self.tasks or run.result.task.name in self.tasks
        return of_task and (not self.counts or run.result.num_edits in self.counts)


def export(
    named: Sequence[Path], form: str, out: Path, ask: ExportAsk | None = None, wanted: Wanted | None = None
) -> tuple[Exported, tuple[LeftOut, ...]]:
    """Write results in a form; return what was written, and the runs that cannot be read or failed.

    Args:
        named: run folders, files of results, or folders of them, such as a leaderboard.
        form: one of `FORMS`.
        out: the file, or for a form that is no file the folder.

    Raises:
        SpecError: there is no such form, task, number of edits or metric.
        ResultError: there is no run, or the folder holds something else.
        StoreError: something cannot be written.
    """
    ask, wanted = ask or ExportAsk(), wanted or Wanted()
    writer = FORMS.get(form)
    if writer is None:
        raise SpecError(unknown("form of an export", form, FORMS))
    if form in FILES and out.is_dir():
        raise ResultError(f"{out} is a folder, and {form} is one file: name a file with `out`")
    found, left = read_runs(named)
    runs = [run for run in found if wanted.takes(run)]
    _check_wanted(found, runs, wanted)
    _check_metrics(runs, ask)
    return writer(make_boards(runs), out, ask), tuple(left)


def _check_wanted(found: Sequence[ReadRun], runs: Sequence[ReadRun], wanted: Wanted) -> None:
    tasks = {run.result.task.name for run in found}
    for name in wanted.tasks:
        if name not in tasks:
            raise SpecError(unknown("task of these runs", name, tasks))
    if not runs:
        counts = sorted(
            {run.result.num_edits for run in found if not wanted.tasks or run.result.task.name in wanted.tasks}
        )
        asked = ", ".join(map(str, wanted.counts))
        raise SpecError(f"`num_edits` {asked}: no such run; choose among {', '.join(map(str, counts))}")


def _check_metrics(runs: Sequence[ReadRun], ask: ExportAsk) -> None:
    known = {score.metric for run in runs for score in run.result.scores}
    for name in ask.metrics:
        if name not in known:
            raise SpecError(unknown("metric of these runs", name, known))

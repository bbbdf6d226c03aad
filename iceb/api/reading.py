"""Runs on disk as Python objects and pandas frames; no torch is imported."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from iceb.api.arguments import Place
from iceb.base.errors import ResultError, SpecError
from iceb.base.numbers import estimate_text
from iceb.base.suggestions import unknown
from iceb.base.tables import frame_of
from iceb.runs.folder import read_requests, read_result, run_folder
from iceb.runs.listing import ListedRun
from iceb.runs.table import TableRow, read_table
from iceb.specs.records import ScoreRecord
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval

if TYPE_CHECKING:
    import pandas

OF_RUN = ("run", "task", "method", "num_edits", "model")
OF_CONCEPT = ("group", "checkpoint", "draw", "metric", "part", "concept", "name", "replicate")
NUMBERS = ("before", "after", "change")
OF_SCORE = ("metric", "unit", "higher_is_better", "value", "stderr", "low", "high", "n", "concepts", "before", "after")
MAY_BE_MISSING = ("value", "stderr", "low", "high", "before", "after")


@dataclass(frozen=True, repr=False)
class Run:
    """A run on disk.

    Attributes:
        path: of its result: result.json in a run's folder, or a file of a leaderboard.
        result: what was run, its scores, cost and provenance.
    """

    path: Path
    result: Result

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.path.parent

    @property
    def id(self) -> str:
        """The run's id: task, method, number of edits, and eight digits of what else decides it."""
        return self.result.id

    @property
    def status(self) -> str:
        """Either "complete", "partial" or "failed"."""
        return self.result.status

    @property
    def scores(self) -> Mapping[str, ScoreRecord]:
        """The outcome of each metric, with unit, error, interval and note, by the metric's name."""
        return {score.metric: score for score in self.result.scores}

    def score(self, metric: str) -> ScoreRecord:
        """The outcome of one metric; its `value` is None, with a `note`, where there is no number.

        Raises:
            SpecError: the run did not compute it.
        """
        found = self.result.score(metric)
        if found is None:
            raise SpecError(unknown(f"metric of run {self.id}", metric, self.scores))
        return found

    @cached_property
    def requests(self) -> Mapping[str, EditRequest]:
        """The requests to the method by id; none where no file of them lies beside the result."""
        return read_requests(self.folder)

    @cached_property
    def table(self) -> tuple[TableRow, ...]:
        """The statistics of single concepts, from which every score can be computed again.

        Raises:
            ResultError: the run failed, or its table is missing or not its own.
        """
        from iceb.leaderboard.filed_result import table_beside

        if self.result.per_concept is None:
            raise ResultError(f"{self.path}: has no table of concepts ({self.result.error or 'nothing was scored'})")
        return tuple(read_table(table_beside(self.path), self.result.per_concept))

    def frame(self) -> "pandas.DataFrame":
        """The statistics of single concepts as a long frame, a row for each metric, part and concept.

        Columns: run, task, method (with its settings), num_edits, model; group, checkpoint, draw, metric, part,
        concept, name ("lion → hen"), replicate; before, after and change (after - before) in the metric's own unit, NaN
        where a side is not read; n, the images behind the row.

        Raises:
            SpecError: pandas is not installed.
            ResultError: as `table`.
        """
        return frame_of(list(self._concept_rows()), (*OF_RUN, *OF_CONCEPT, *NUMBERS, "n"), NUMBERS)

    def _concept_rows(self) -> Iterator[dict[str, Any]]:
        names = {key: each.in_words for key, each in self.requests.items()}
        for row in self.table:
            value = row.value
            both = None if value.before is None or value.after is None else value.after - value.before
            yield {
                **self._columns(),
                "group": row.group,
                "metric": row.metric,
                **{name: getattr(value, name) for name in ("checkpoint", "draw", "part", "concept", "replicate", "n")},
                "name": names.get(value.concept, value.concept),
                "before": value.before,
                "after": value.after,
                "change": both,
            }

    def _columns(self) -> dict[str, Any]:
        """The columns that say which run a row is of."""
        result = self.result
        return {
            "run": self.id,
            "task": result.task.name,
            "method": result.method.label,
            "num_edits": result.num_edits,
            "model": result.model.family,
        }

    def score_rows(self) -> Iterator[dict[str, Any]]:
        """Each metric's outcome as a row of `iceb.scores`."""
        for score in self.result.scores:
            ends = shown_interval(score, self.result)
            shown = {name: getattr(ends, name, None) for name in ("low", "high")}
            yield {**self._columns(), **{name: getattr(score, name) for name in (*OF_SCORE, "note")}, **shown}

    def __repr__(self) -> str:
        shown = [_score_text(score) for score in self.result.scores]
        return f"Run({self.id!r}, {self.status}: {'; '.join(shown) or self.result.error})"


RunLike: TypeAlias = Run | ListedRun | Place


def _score_text(score: ScoreRecord) -> str:
    return f"{score.metric_arrow} {'–' if score.value is None else estimate_text(score.value, score.shown_error)}"


def path_of(run: RunLike) -> Path:
    """The path of a run that was read, listed or named."""
    return run.path if isinstance(run, Run) else run.folder if isinstance(run, ListedRun) else Path(run)


def paths_of(runs: RunLike | Iterable[RunLike]) -> list[Path]:
    """The paths of one run or of several, each read, listed or named."""
    named = [runs] if isinstance(runs, Run | ListedRun | str | Path) else list(runs)
    return [path_of(each) for each in named]


def read(run: RunLike) -> Run:
    """Read a run from its folder or its result.json, or a result of a leaderboard from its file.

    Raises:
        ResultError: there is none, or it is malformed or of an unknown schema.
    """
    if isinstance(run, Run):
        return run
    path = path_of(run)
    found = read_result(path)
    return Run(path if path.is_file() else run_folder(path) / "result.json", found)


def list_runs(*folders: Place) -> list[ListedRun]:
    """List every run below these folders, the latest last; without any below "runs".

    Failed, unfinished and damaged ones are listed too. Each has a `folder`, which `iceb.read` reads, a `status`, its
    settings and its headline score.

    Raises:
        ResultError: one of them is no folder, or cannot be read.
    """
    from iceb.runs.listing import list_runs as listed

    return listed([Path(each) for each in folders or ("runs",)])


def scores(runs: "RunLike | Iterable[RunLike]") -> "pandas.DataFrame":
    """The scores of runs as a frame, a row for each run and metric.

    Columns: run, task, method (with its settings), num_edits, model; metric, unit, higher_is_better, value, stderr,
    low and high (95 % interval), n (images), concepts, before, after; note, which says why a number is missing (NaN).

    Args:
        runs: what `iceb.evaluate`, `iceb.read` or `iceb.list_runs` returned, or folders; a folder of runs stands for
            all of them. Runs without a result are passed over.

    Raises:
        SpecError: pandas is not installed.
        ResultError: a folder or file is none of a run.
    """
    named = [runs] if isinstance(runs, Run | ListedRun | str | Path) else list(runs)
    rows = [row for each in named for run in _finished_runs(each) for row in run.score_rows()]
    return frame_of(rows, (*OF_RUN, *OF_SCORE, "note"), MAY_BE_MISSING)


def _finished_runs(named: RunLike) -> Iterator[Run]:
    """The runs that one thing names, without those that have no result."""
    if isinstance(named, str | Path) and Path(named).is_dir() and not (Path(named) / "result.json").exists():
        for each in list_runs(named):
            yield from _finished_runs(each)
    elif not isinstance(named, ListedRun) or named.status in ("complete", "partial", "failed"):
        yield read(named)

"""Write results as runs of a tracker, on disk alone: wandb (offline), MLflow (SQLite), trackio."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.export.asking import ExportAsk, Exported
from iceb.export.folders import MANIFEST, refuse_full_folder, write_manifest
from iceb.export.score_lines import ScoreLine, score_lines
from iceb.export.scored import ScoredRun, marks_of, scored_runs
from iceb.report.site.boards import Board
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval

SIDES = ("stderr", "before", "after")  # of a score, logged as METRIC/stderr and so on
ENDS = ("low", "high")  # of its interval
REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_DATASET_ID", "TRACKIO_SERVER_URL")  # would send runs elsewhere


def write_wandb(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write an offline run of Weights & Biases for each run; `wandb sync` would send them.

    Raises:
        SpecError: the package is not installed.
        ResultError: the folder holds something.
    """
    try:
        import wandb
    except ImportError as error:
        raise _absent("wandb", error) from error
    exported = _begin(boards, out, ask)
    lines = _lines_by_run(boards, ask)
    for run in exported:
        place = {"project": ask.project, "group": run.result.task.name, "name": _name(run), "dir": str(out.resolve())}
        tracked = wandb.init(**place, mode="offline", config=_config(run))
        columns = [field.name for field in fields(ScoreLine)]
        table = wandb.Table(columns=columns, data=[list(astuple(line)) for line in lines[run.result.id]])
        tracked.log({**_numbers(run), "num_edits": run.result.num_edits, "scores": table})
        tracked.finish()
    return _end(boards, out, ask, "wandb", len(exported))


def write_mlflow(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write an experiment of MLflow into an SQLite file with its artifacts beside it.

    Raises:
        SpecError: the package is not installed.
        ResultError: the folder holds something.
    """
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise _absent("mlflow", error) from error
    exported = _begin(boards, out, ask)
    root = out.resolve()
    client = MlflowClient(tracking_uri=f"sqlite:///{(root / 'mlflow.db').as_posix()}")
    experiment = client.create_experiment(ask.project, artifact_location=(root / "artifacts").as_uri())
    for run in exported:
        result = run.result
        tags = {"iceb.run": result.id, "iceb.label": run.label, "iceb.command": result.provenance.command}
        key = client.create_run(experiment, run_name=_name(run), tags=tags).info.run_id
        for name, value in _config(run).items():
            client.log_param(key, name, value)
        for name, number in _numbers(run).items():
            client.log_metric(key, name, number, step=result.num_edits)
        client.log_text(key, result.to_json(), "result.json")
        client.set_terminated(key, status="FINISHED")
    return _end(boards, out, ask, "mlflow", len(exported))


def write_trackio(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write a local project of trackio; nothing is sent to a Space, whatever the environment names.

    Raises:
        SpecError: the package is not installed, or was imported for another folder before.
        ResultError: the folder holds something.
    """
    root = out.resolve()
    with _environment({"TRACKIO_DIR": str(root), **dict.fromkeys(REMOTE)}):
        try:
            import trackio
        except ImportError as error:
            raise _absent("trackio", error) from error
        if Path(getattr(trackio, "TRACKIO_DIR", root)).resolve() != root:
            raise SpecError(
                f"trackio was imported before and writes to {trackio.TRACKIO_DIR}: use a process of its own"
            )
        exported = _begin(boards, out, ask)
        for run in exported:
            place = {"project": ask.project, "group": run.result.task.name, "name": _name(run)}
            tracked = trackio.init(**place, config=_config(run), embed=False)
            tracked.log({**_numbers(run), "num_edits": run.result.num_edits})
            tracked.finish()
    return _end(boards, out, ask, "trackio", len(exported))


def _absent(name: str, error: ImportError) -> SpecError:
    return SpecError(f"package {name} cannot be imported ({error}): pip install 'iceb[{name}]'")


def _begin(boards: Sequence[Board], out: Path, ask: ExportAsk) -> list[ScoredRun]:
    """The runs with scores, once the folder is there and empty."""
    refuse_full_folder(out)
    runs, _ = scored_runs(boards, ask)
    write_manifest(out, "begun", [], [])  # makes the folder; an export that is cut short says so
    return [run for run in runs if run.scores]


def _end(boards: Sequence[Board], out: Path, ask: ExportAsk, form: str, records: int) -> Exported:
    _, left_out = scored_runs(boards, ask)
    write_manifest(out, form, [], left_out)
    return Exported((out, out / MANIFEST), records, "run", tuple(left_out))


def _name(run: ScoredRun) -> str:
    return f"{run.label}, {run.result.num_edits} edits"


def _config(run: ScoredRun) -> dict[str, Any]:
    """Describe a run in flat fields; a setting that is a list becomes text."""
    result = run.result
    settings = {f"settings.{name}": _flat(value) for name, value in plain(result.method.params).items()}
    return {**_identity(result), "label": run.label, **settings}


def _identity(result: Result) -> Mapping[str, Any]:
    return {
        "run": result.id,
        "task": result.task.name,
        "task_version": result.task.version,
        "dataset": result.task.dataset,
        "dataset_version": result.task.dataset_version,
        "model": result.model.repo,
        "model_revision": result.model.revision,
        "method": result.method.name,
        "method_version": result.method.version,
        "package": result.method.package,
        "num_edits": result.num_edits,
        "draws": result.draws,
        "seeds": result.replicates,
        **{name: "" if value is None else value for name, value in marks_of(result).items()},
        "command": result.provenance.command,
        "commit": result.provenance.commit or "",
    }


def _flat(value: Any) -> Any:
    return str(value) if isinstance(value, list) or value is None else value


def _numbers(run: ScoredRun) -> dict[str, float]:
    """Every number of the scores that have a value; what is missing is left out."""
    found: dict[str, float] = {}
    for score in run.scores:
        ends = shown_interval(score, run.result)
        known = {score.metric: score.value, **{f"{score.metric}/{side}": getattr(score, side) for side in SIDES}}
        known |= {f"{score.metric}/{end}": getattr(ends, end, None) for end in ENDS}
        found |= {name: number for name, number in known.items() if number is not None}
    return found


def _lines_by_run(boards: Sequence[Board], ask: ExportAsk) -> Mapping[str, list[ScoreLine]]:
    found: dict[str, list[ScoreLine]] = {}
    for line in score_lines(boards, ask):
        found.setdefault(line.run, []).append(line)
    return found


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables of the environment inside the block; None takes one away."""
    before = {name: os.environ.get(name) for name in changes}
    _set_variables(changes)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

"""Trackers: a stand-in records every call; where the package itself is installed, it writes a folder offline."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from iceb.base.errors import ResultError, SpecError
from iceb.export.asking import ExportAsk
from iceb.export.forms import export
from iceb.report.site.read_runs import read_runs

TRACKERS = ("wandb", "mlflow", "trackio")


class Recorder(ModuleType):
    """A module of a tracker's name that keeps what it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def keep(self, name: str, answer: Any = None) -> Any:
        def record(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            return answer

        return record

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(arguments, named) for called, arguments, named in self.calls if called == name]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a recorder in the place of a tracker's package."""

    def put(name: str) -> Recorder:
        made = Recorder(name)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return put


def numbers_of(results: Path) -> dict[str, dict[str, float]]:
    """The values of each run, by its id, without those that are missing."""
    return {
        run.result.id: {score.metric: score.value for score in run.result.scores if score.value is not None}
        for run in read_runs([results])[0]
    }


def test_wandb_gets_an_offline_run_a_result_with_every_number_and_its_lines(results, tmp_path, stand_in):
    wandb = stand_in("wandb")
    wandb.Table = SimpleNamespace
    wandb.init = wandb.keep("init", SimpleNamespace(log=wandb.keep("log"), finish=wandb.keep("finish")))
    exported, _ = export([results], "wandb", tmp_path / "out", ExportAsk(project="mine"))
    known = numbers_of(results)
    assert exported.records == len(known) == len(wandb.of("finish"))
    for (_, begun), ((logged,), _) in zip(wandb.of("init"), wandb.of("log"), strict=True):
        assert (begun["mode"], begun["project"], begun["dir"]) == ("offline", "mine", str(tmp_path / "out"))
        values = known[begun["config"]["run"]]
        assert {name: logged[name] for name in values} == values
        assert None not in logged.values()
        table = logged["scores"]
        place = table.columns.index("value")
        assert [line[place] for line in table.data if line[place] is not None] == list(values.values())


def test_mlflow_gets_an_experiment_in_sqlite_with_the_result_as_artifact(results, tmp_path, stand_in):
    mlflow = stand_in("mlflow")
    client = SimpleNamespace(
        create_experiment=mlflow.keep("create_experiment", "7"),
        create_run=mlflow.keep("create_run", SimpleNamespace(info=SimpleNamespace(run_id="r"))),
        **{name: mlflow.keep(name) for name in ("log_param", "log_metric", "log_text", "set_terminated")},
    )
    mlflow.MlflowClient = mlflow.keep("MlflowClient", client)
    export([results], "mlflow", tmp_path / "out")
    ((_, opened),) = mlflow.of("MlflowClient")
    assert opened["tracking_uri"] == f"sqlite:///{tmp_path}/out/mlflow.db"
    known = numbers_of(results)
    assert len(mlflow.of("create_run")) == len(mlflow.of("set_terminated")) == len(known)
    logged = [(key, value) for (_, key, value), _ in mlflow.of("log_metric") if "/" not in key]
    assert sorted(logged) == sorted((key, value) for values in known.values() for key, value in values.items())
    assert {named["step"] for _, named in mlflow.of("log_metric")} == {10}
    for (_, text, name), _ in mlflow.of("log_text"):
        assert (name, json.loads(text)["id"] in known) == ("result.json", True)


def test_trackio_gets_a_local_project_whatever_space_the_environment_names(results, tmp_path, stand_in, monkeypatch):
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/space")
    monkeypatch.delenv("TRACKIO_DIR", raising=False)
    trackio = stand_in("trackio")
    seen = []
    run = SimpleNamespace(log=trackio.keep("log"), finish=trackio.keep("finish"))
    begin = trackio.keep("init", run)

    def init(**named: Any) -> Any:
        seen.append((os.environ.get("TRACKIO_DIR"), os.environ.get("TRACKIO_SPACE_ID")))
        return begin(**named)

    trackio.init = init
    export([results], "trackio", tmp_path / "out")
    assert set(seen) == {(str(tmp_path / "out"), None)}
    assert (os.environ["TRACKIO_SPACE_ID"], os.environ.get("TRACKIO_DIR")) == ("somebody/space", None)
    known = numbers_of(results)
    for (_, begun), ((logged,), _) in zip(trackio.of("init"), trackio.of("log"), strict=True):
        values = known[begun["config"]["run"]]
        assert {name: logged[name] for name in values} == values
        assert begun["embed"] is False


def test_trackio_that_already_writes_elsewhere_is_refused(results, tmp_path, stand_in):
    stand_in("trackio").TRACKIO_DIR = tmp_path / "elsewhere"
    with pytest.raises(SpecError, match="use a process of its own"):
        export([results], "trackio", tmp_path / "out")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_missing_is_named_with_its_extra(results, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SpecError, match=rf"package {name} cannot be imported .*pip install 'iceb\[{name}\]'"):
        export([results], name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", TRACKERS)
def test_a_folder_that_is_not_empty_is_refused(results, tmp_path, stand_in, name):
    stand_in(name).MlflowClient = None
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(ResultError, match="is not an empty folder"):
        export([results], name, tmp_path)


def test_what_was_left_out_stands_beside_the_runs(results, tmp_path, stand_in):
    wandb = stand_in("wandb")
    wandb.Table = SimpleNamespace
    wandb.init = wandb.keep("init", SimpleNamespace(log=wandb.keep("log"), finish=wandb.keep("finish")))
    export([results], "wandb", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert found["form"] == "wandb"
    assert {(each["metric"], each["reason"]) for each in found["left_out"]} == {
        ("edit_score", "erases"),
        ("source2dest", "erases"),
    }


@pytest.mark.parametrize(
    ("name", "written"), [("wandb", "wandb/offline-run-*"), ("mlflow", "mlflow.db"), ("trackio", "*.db")]
)
def test_the_package_itself_writes_offline(results, tmp_path, name, written):
    """Skipped, with its name, where the extra is not installed."""
    if find_spec(name) is None:  # not importorskip: trackio takes its folder when it is imported
        pytest.skip(f"{name} is not installed")
    export([results], name, tmp_path / "out")
    assert list((tmp_path / "out").glob(written))

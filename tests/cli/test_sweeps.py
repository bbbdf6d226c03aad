"""Sweeps of `iceb evaluate`: what they plan, share, leave out, survive and print."""

import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np
import pytest

from iceb.base.errors import DataError, SpecError
from iceb.cli.main import run
from iceb.cli.matrix import Asked
from iceb.cli.values import parse_count
from iceb.running.sweeps import estimates, planning
from iceb.running.sweeps.calibration import Calibrated
from iceb.running.sweeps.locks import cell_lock
from iceb.runs.folder import read_result

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def sweep(model, data, tmp_path):
    """The arguments of a small sweep; a test adds its own, and the last one of a name counts."""

    def build(*more: str) -> list[str]:
        base = ["evaluate", "--method", "unedited,token_swap", "--task", "aice", "--num-edits", "1,2"]
        base += ["--device", "cpu", "--model", str(model), "--data", data, "--limit", "3"]
        return [*base, "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "runs"), *more]

    return build


def results(folder: Path) -> dict[str, Path]:
    return {path.parent.relative_to(folder).as_posix()[:-9]: path for path in sorted(folder.rglob("result.json"))}


def document(capsys, arguments, code=0) -> dict:
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_every_combination_is_a_run_that_shares_and_one_table_ends_the_sweep(capsys, sweep, tmp_path, monkeypatch):
    arguments = sweep("--set", "token_swap.strength=0.5")
    monkeypatch.setattr(sys, "argv", ["iceb", *arguments])
    assert run(arguments) == 0
    captured = capsys.readouterr()
    found = results(tmp_path / "runs")
    assert list(found) == [f"aice/{method}/000{count}" for method in ("token_swap", "unedited") for count in (1, 2)]
    rows = [
        line.split()[:3] for line in captured.out.splitlines() if line.strip().startswith(("unedited", "token_swap"))
    ]
    assert rows == [[method, "aice", count] for method in ("unedited", "token_swap") for count in ("2", "1")]
    assert captured.out.count("partial") == 4
    assert "cell 4 of 4: token_swap on aice, 1 edit" in captured.err

    assert read_result(found["aice/unedited/0002"]).cost.images_found == 0
    last = read_result(found["aice/token_swap/0001"])
    assert last.cost.images_found > 0  # those before the edit, drawn by the first cell
    alone = "evaluate --method token_swap --task aice --num-edits 1 --set strength=0.5 --model model --data embedded"
    assert last.provenance.command == f"iceb {alone} --limit 3 --device cpu"

    planned = document(capsys, [*arguments, "--dry-run"])
    assert all(cell["finished"] for cell in planned["cells"])
    assert planned["image"] is None


def test_a_poisoned_method_is_one_line_and_the_rest_goes_on(capsys, sweep, tmp_path):
    arguments = sweep("--method", "faulty,unedited", "--set", "faulty.fault=crash", "--num-edits", "1,2")
    assert run(arguments) == 1
    captured = capsys.readouterr()
    failed = [line for line in captured.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2
    assert "faulty on aice, 2 edits: method faulty raised ZeroDivisionError" in failed[0]
    assert {name: read_result(path).status for name, path in results(tmp_path / "runs").items()} == {
        **{f"aice/faulty/000{count}": "failed" for count in (1, 2)},
        **{f"aice/unedited/000{count}": "partial" for count in (1, 2)},
    }


def test_a_sweep_goes_on_where_it_stopped(capsys, sweep, tmp_path, monkeypatch):
    from iceb.running.sweeps import carrying_out

    real, done = carrying_out.run, []

    def stop_at_third(planned, out):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(planned.spec.id)
        return real(planned, out)

    monkeypatch.setattr(carrying_out, "run", stop_at_third)
    assert run(sweep()) == 130
    said = capsys.readouterr().err
    assert "stopped: 2 of 4 cells are through" in said
    assert "the same command goes on" in said
    kept = {name: path.read_bytes() for name, path in results(tmp_path / "runs").items()}
    assert len(kept) == 2

    done.clear()
    done.append("one of the two that may run")
    monkeypatch.setattr(carrying_out, "run", real)
    found = document(capsys, sweep())
    assert [cell["made"] for cell in found["cells"]] == ["found", "found", "made", "made"]
    after = results(tmp_path / "runs")
    assert {name: after[name].read_bytes() for name in kept} == kept


def test_a_damaged_or_failed_result_is_made_again(capsys, sweep, tmp_path):
    one = sweep("--method", "unedited", "--num-edits", "1,2")
    assert run(one) == 0
    folder = tmp_path / "runs"
    first, second = results(folder).values()
    first.write_text(first.read_text()[:100])
    (second.parent / "per_concept.parquet").unlink()
    capsys.readouterr()
    found = document(capsys, one)
    assert [cell["made"] for cell in found["cells"]] == ["made", "made"]
    assert [cell["made"] for cell in document(capsys, one)["cells"]] == ["found", "found"]
    for path in (first.parent / "images.jsonl", second.parent / "per_concept.parquet"):
        path.write_bytes(path.read_bytes()[:-1])
    assert [cell["made"] for cell in document(capsys, one)["cells"]] == ["made", "made"]
    assert [cell["made"] for cell in document(capsys, one)["cells"]] == ["found", "found"]


def test_a_cell_without_a_score_fails_and_is_made_again_when_its_measure_is_mended(capsys, sweep, tmp_path):
    from iceb_example.measures import ColourClasses

    one = sweep("--method", "unedited", "--num-edits", "1,2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ColourClasses, "__call__", lambda _, inputs: np.full((len(inputs), 1000), np.nan))
        found = document(capsys, one, code=1)
    assert [(cell["made"], cell["value"]) for cell in found["cells"]] == [("failed", None)] * 2
    assert all(cell["error"].startswith("no score has a value: too many images") for cell in found["cells"])
    assert [read_result(path).status for path in results(tmp_path / "runs").values()] == ["partial"] * 2
    assert [cell["made"] for cell in document(capsys, one)["cells"]] == ["made", "made"]
    assert [cell["made"] for cell in document(capsys, one)["cells"]] == ["found", "found"]


def test_data_that_cannot_be_read_fail_their_cell_and_the_exit_code_says_so(capsys, sweep, monkeypatch):
    real = planning.plan

    def plan(ask, *more):
        if ask.num_edits == 2:
            raise DataError("rows.json is cut short")
        return real(ask, *more)

    monkeypatch.setattr(planning, "plan", plan)
    one = sweep("--method", "unedited")
    assert run([*one, "--dry-run"]) == 1
    assert run(one) == 1
    captured = capsys.readouterr()
    line = "failed: unedited on aice, 2 edits: rows.json is cut short"
    assert captured.out.count(line) == 2  # of the plan, and below the table
    assert "sweep of 1 cell, 1 failed" in captured.err
    found = document(capsys, one, code=1)
    assert [cell["made"] for cell in found["cells"]] == ["found"]
    assert [each["reason"] for each in found["failed"]] == ["rows.json is cut short"]
    assert found["left_out"] == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--method", "emcdi,uce"], "did you mean emcid"),
        (["--task", "aise,aice"], "did you mean aice"),
        (["--num-edits", "1,many"], "--num-edits 'many': must be a whole number"),
        (["--num-edits", "1,1"], "--num-edits '1,1': name one or more, each once"),
        (["--num-edits", "0,1"], "--num-edits 0: must be a whole number from 1"),
        (["--num-edits", "301,302"], "no combination of the sweep can run: dataset"),
        (["--set", "strength=1"], "with several methods write METHOD.NAME=VALUE"),
        (["--set", "token_swap.strenth=1"], "did you mean strength"),
        (["--requests", "mine.json"], "iceb try compares several methods"),
        (["--checkpoint", "folder"], "no sweep"),
        (["--name", "mine"], "--name mine: is for --checkpoint"),
        (["--erases"], "--erases: is for --checkpoint"),
        (["--sweep", "s.toml"], "--sweep and --method both say what is run"),
        (["--recipe", "published,no/such.toml"], "cannot be read"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_sweep_that_is_asked_wrongly_is_one_line(capsys, sweep, more, words):
    assert run(sweep(*more, "--dry-run")) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_a_sweep_without_a_list_that_it_needs_says_which():
    with pytest.raises(SpecError, match="--num-edits is missing"):
        Asked(method="uce,esd", task="aice").matrix(None)


def test_one_value_each_is_no_sweep():
    assert Asked(method="uce", task="aice", num_edits="10").matrix("published") is None
    assert Asked(method="uce", task="aice", num_edits="10").count() == 10
    for wrong in ("1.5", "٢", "", "9" * 5000):
        with pytest.raises(SpecError, match="must be a whole number"):
            parse_count(wrong)


def test_a_dry_run_counts_shared_images_once_and_makes_nothing(capsys, sweep, tmp_path):
    assert run(sweep("--dry-run")) == 0
    said = capsys.readouterr().out
    assert "nothing was made (--dry-run)" in said
    assert "by a short calibration now" in said
    assert "edits take a time not known here" in said
    found = document(capsys, sweep("--dry-run"))
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "cache").exists()
    first, *others = found["cells"]
    assert first["before"] > 0
    assert [cell["before"] for cell in others if cell["name"].endswith("2 edits")] == [0]
    assert others[1]["shared"] == first["before"]
    assert found["image"]["seconds"] > 0
    assert found["image"]["bytes"] > 0
    assert found["edit_bytes"] > 0


def hold(out: Path, run_id: str, ready, release) -> None:
    with cell_lock(out, run_id) as held:
        ready.put(held)
        release.get()


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path):
    context = multiprocessing.get_context("fork")
    ready, release = context.Queue(), context.Queue()
    other = context.Process(target=hold, args=(tmp_path / "runs", "aice/uce/0001-12345678", ready, release))
    other.start()
    assert ready.get(timeout=60)
    with cell_lock(tmp_path / "runs", "aice/uce/0001-12345678") as held:
        assert not held
    other.kill()
    other.join(60)
    with cell_lock(tmp_path / "runs", "aice/uce/0001-12345678", wait=True) as held:
        assert held


def test_a_budget_draws_a_part_and_the_same_command_keeps_it(capsys, sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(estimates, "calibrate", lambda *_: Calibrated(1.0, 1000.0))
    limit = sweep().index("--limit")
    arguments = [*sweep()[:limit], *sweep()[limit + 2 :], "--num-edits", "1", "--budget", "50s"]
    first = document(capsys, arguments)
    assert [(cell["status"], cell["made"]) for cell in first["cells"]] == [("partial", "made")] * 2
    shares = {read_result(Path(cell["path"])).share for cell in first["cells"]}
    assert shares == {0.01}
    monkeypatch.setattr(estimates, "calibrate", lambda *_: Calibrated(0.001, 1000.0))  # now everything would fit
    again = document(capsys, arguments)
    assert [(cell["id"], cell["made"]) for cell in again["cells"]] == [(cell["id"], "found") for cell in first["cells"]]
    assert run([*arguments, "--limit", "3"]) == 2
    assert "--budget chooses what part is drawn" in capsys.readouterr().err

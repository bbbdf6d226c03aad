"""`iceb evaluate`, `score` and `cache` on a tiny model: what they print, what they refuse, what they reuse."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from iceb.cli.main import run
from iceb.datasets.aice import AICE
from iceb.specs.results import Result

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def run_arguments(model, data, tmp_path):
    """The arguments of a small run; a test adds its own, and the last one of a name counts."""

    def build(*more: str) -> list[str]:
        base = ["evaluate", "--method", "token_swap", "--task", "aice", "--num-edits", "2", "--device", "cpu"]
        return [*base, "--model", str(model), "--data", data, "--limit", "4", "--out", str(tmp_path / "runs"), *more]

    return build


def result_of(folder: Path) -> Result:
    (path,) = folder.rglob("result.json")
    return Result.from_json(path.read_text(encoding="utf-8"))


def error_line(capsys, arguments, code=2) -> str:
    """The last line on stderr of a command that must fail; only the plan and the progress may stand before it."""
    assert run(arguments) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("iceb: ")
    assert not any("Traceback" in line or line.startswith("iceb: ") for line in lines[:-1])
    return lines[-1]


def test_a_run_prints_its_plan_its_scores_and_the_path_of_its_result(capsys, run_arguments, tmp_path):
    assert run(run_arguments()) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("token_swap on aice")
    assert "holdout: 4 images a side" in captured.err
    assert "drawing after" in captured.err or "up to" not in captured.err
    (path,) = (tmp_path / "runs").rglob("result.json")
    assert f"result: {path}" in captured.out
    assert "partial: --limit 4" in captured.out
    assert all(score.metric in captured.out for score in result_of(tmp_path / "runs").scores)


def test_with_json_stdout_is_the_result_and_nothing_else(capsys, run_arguments, tmp_path):
    assert run(run_arguments("--json")) == 0
    captured = capsys.readouterr()
    (path,) = (tmp_path / "runs").rglob("result.json")
    assert captured.out == path.read_text(encoding="utf-8")
    assert Result.from_json(captured.out).status == "partial"
    assert f"result: {path}" in captured.err


def test_the_edit_changes_the_images_and_the_same_command_again_reuses_everything(run_arguments, tmp_path):
    fresh = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "one")]
    assert run(run_arguments(*fresh)) == 0
    first = result_of(tmp_path / "one")
    assert first.model.edited_digest != (first.model.digest,)
    assert first.model.relative_change is not None
    assert first.cost.images_drawn > 0
    assert any(score.before != score.after for score in first.scores)
    assert run(run_arguments(*fresh, "--out", str(tmp_path / "two"))) == 0
    second = result_of(tmp_path / "two")
    assert second.scores == first.scores
    assert second.cost.images_drawn == 0


def test_the_controls_run_and_the_unedited_model_scores_exactly_zero(run_arguments, tmp_path):
    assert run(run_arguments("--method", "unedited")) == 0
    scores = result_of(tmp_path / "runs").scores
    assert {score.value for score in scores if score.value is not None} == {0.0}


def test_a_third_partys_task_runs_with_its_own_metrics_only(run_arguments, tmp_path):
    assert run(run_arguments("--task", "aice_flips")) == 0
    result = result_of(tmp_path / "runs")
    assert [score.metric for score in result.scores] == ["flip_rate", "holdout_delta"]
    assert result.task.name.endswith("/aice_flips")  # with its package, which is unknown here
    assert result.id.startswith("unknown.aice_flips/token_swap/")


def test_set_recipe_and_sampling_reach_the_result(run_arguments, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('how = "by hand"\n[params]\nstrength = 0.5\n')
    assert run(run_arguments("--recipe", str(recipe), "--steps", "3", "--guidance", "2")) == 0
    result = result_of(tmp_path / "runs")
    assert (result.method.params["strength"], result.sampling.steps, result.sampling.guidance) == (0.5, 3, 2.0)
    assert result.method.recipe == "mine.toml"
    assert str(tmp_path) not in result.to_json()
    assert run(run_arguments("--recipe", str(recipe), "--set", "strength=0.25", "--out", str(tmp_path / "set"))) == 0
    assert result_of(tmp_path / "set").method.params["strength"] == 0.25


def test_a_dry_run_makes_nothing(capsys, run_arguments, tmp_path):
    cache = tmp_path / "cache"
    assert run(run_arguments("--dry-run", "--cache", str(cache))) == 0
    assert "nothing was made" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
    assert not cache.exists()
    assert run(run_arguments("--dry-run", "--json", "--cache", str(cache))) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["spec"]["num_edits"] == 2
    assert {counts["role"]: counts["prompts"] for counts in plan["images"]}["source"] == 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--method", "emcdi"], "did you mean emcid"),
        (["--task", "aise"], "did you mean aice"),
        (["--model", "sd41"], "did you mean sd"),
        (["--model", "./no/such/folder"], "no such folder"),
        (["--model", str(Path(__file__).parent)], "is not a diffusers model"),
        (["--num-edits", "0"], "--num-edits 0: must be"),
        (["--num-edits", "301"], "choose 1 to 300"),
        (["--num-edits", "many"], "must be a whole number"),
        (["--limit", "0"], "--limit 0: must be a whole number from 1"),
        (["--images-per-pass", "0"], "--images-per-pass 0: must be a whole number from 1 to 4096"),
        (["--concepts-at-once", "-1"], "--concepts-at-once -1: must be a whole number from 1 to 4096"),
        (["--workers", "100000"], "--workers 100000: must be a whole number from 1 to 4096"),
        (["--precision", "float16"], "--precision 'float16': must be one of float32, tf32, bfloat16"),
        (["--steps", "0"], "iceb: --steps 0: must be a whole number from 1"),
        (["--scheduler", "euler"], "iceb: --scheduler 'euler': must be 'pndm'"),
        (["--guidance", "nan"], "iceb: --guidance nan: must be a number from 0"),
        (["--noise", "mine"], "iceb: --noise 'mine': must be 'per_image'"),
        (["--dtype", "int8"], "--dtype int8: must be one of float32"),
        (["--device", "gpu"], "choose auto, cpu"),
        (["--set", "strenth=1"], "did you mean strength"),
        (["--set", "strength"], "NAME=VALUE"),
        (["--set", "strength=big"], "valid number"),
        (["--recipe", "no/such.toml"], "cannot be read"),
        (["--data", "/no/such/folder"], "is not a folder"),
        (["--cache", "/proc/none"], "the cache cannot be used"),
        (["--out", "/proc/none"], "cannot write"),
        (["--frobnicate"], "--frobnicate"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_is_asked_wrongly_is_one_line_and_exit_code_two(capsys, run_arguments, more, words):
    assert words in error_line(capsys, run_arguments(*more))


def test_options_that_are_missing_are_named(capsys):
    assert "--task" in error_line(capsys, ["evaluate", "--method", "emcid"])


@pytest.mark.parametrize("text", ["[", "[]", "{}", ""])
def test_a_damaged_data_file_is_named(capsys, run_arguments, tmp_path, text):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("imgnet_aug_edit.json", "imgnet_aug_test.json", "vit_classifier_config.json"):
        (folder / name).write_text(text)
    line = error_line(capsys, run_arguments("--data", str(folder)))
    assert "imgnet_aug_edit.json" in line
    assert "sha256" in line


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("nan", "NaN"),
        ("shape", "has shape"),
        ("unknown", "no.such.weight"),
        ("undeclared", "fc1.weight"),
        ("crash", "raised ZeroDivisionError: division by zero second line (faulty.py:"),
    ],
)
def test_a_faulty_method_is_refused_by_name(capsys, run_arguments, tmp_path, fault, words):
    line = error_line(capsys, run_arguments("--method", "faulty", "--set", f"fault={fault}"))
    assert words in line
    assert "faulty" in line
    assert result_of(tmp_path / "runs").status == "failed"


def test_a_full_disk_is_one_line_that_says_what_to_do(capsys, run_arguments, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    line = error_line(capsys, run_arguments("--cache", str(tmp_path / "cache")))
    assert "no space left" in line
    assert "--prune" in line


def test_damaged_files_are_made_again_and_named(capsys, run_arguments, tmp_path):
    cache = tmp_path / "cache"
    assert run(run_arguments("--cache", str(cache))) == 0
    before = result_of(tmp_path / "runs")
    (edit,) = (cache / "edits").rglob("*.safetensors")
    (pack, *_) = sorted((cache / "measured").rglob("*.pack"))
    for path in (edit, pack):
        path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    capsys.readouterr()
    assert run(run_arguments("--cache", str(cache))) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("damaged")] == [
        f"damaged, remade: {edit} (its tensors are not those that were written)",
        f"damaged, remade: {pack} (its numbers are not those that were written)",
    ]
    assert result_of(tmp_path / "runs").scores == before.scores


def test_a_model_of_two_text_encoders_runs_too(run_arguments, model_xl, tmp_path):
    assert run(run_arguments("--model", str(model_xl), "--method", "unedited", "--limit", "1")) == 0
    assert result_of(tmp_path / "runs").status == "partial"


def test_score_repeats_the_scores_and_adds_new_metrics(capsys, run_arguments, tmp_path):
    assert run(run_arguments()) == 0
    written = result_of(tmp_path / "runs")
    (path,) = (tmp_path / "runs").rglob("result.json")
    capsys.readouterr()
    assert run(["score", str(path.parent), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == [score.model_dump() for score in written.scores]
    assert run(["score", str(path), "--metric", "flip_rate"]) == 0
    assert "flip_rate" in capsys.readouterr().out
    assert "did you mean" in error_line(capsys, ["score", str(path), "--metric", "flip_rat"])
    assert "name the folder that a run wrote" in error_line(capsys, ["score", str(tmp_path)])


def test_pruning_removes_what_no_run_refers_to_and_nothing_else(capsys, run_arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = ["--cache", str(tmp_path / "cache")]
    prune = ["cache", "--prune", "--older-than", "0", *cache]
    assert "is no cache that ICEB has written" in error_line(capsys, prune)
    assert run(run_arguments(*cache)) == 0
    assert run(run_arguments(*cache, "--num-edits", "3", "--out", str(tmp_path / "other"))) == 0
    shutil.rmtree(tmp_path / "other" / "aice")
    capsys.readouterr()
    assert run(["cache", *cache]) == 0
    assert "no run refers to" in capsys.readouterr().out
    assert run([*prune, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "images: " in said
    assert "would be removed; nothing was" in said
    assert run(prune) == 0
    assert said.splitlines()[-1].split(" would")[0] == capsys.readouterr().out.splitlines()[-1].removeprefix("removed ")
    assert run(run_arguments(*cache)) == 0
    assert " 0 images drawn" in capsys.readouterr().out
    assert run(prune) == 0
    assert "removed 0 files" in capsys.readouterr().out


def test_pruning_knows_every_folder_of_runs_and_spares_what_is_young(capsys, run_arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = ["--cache", str(tmp_path / "cache")]
    one, other = tmp_path / "runs", tmp_path / "other"
    assert run(run_arguments(*cache)) == 0
    assert run(run_arguments(*cache, "--num-edits", "3", "--out", str(other))) == 0
    capsys.readouterr()
    assert run(["cache", "--prune", "--older-than", "0", *cache, "--runs", str(one)]) == 0
    assert "removed 0 files" in capsys.readouterr().out
    shutil.rmtree(other / "aice")
    fragment = tmp_path / "cache" / "images" / ".partial-live"
    fragment.write_bytes(b"being written")
    assert run(["cache", "--prune", *cache, "--runs", str(one)]) == 0
    said = capsys.readouterr().out
    assert "younger than 24 hours and stay" in said
    assert "removed 0 files" in said
    assert fragment.is_file()
    os.utime(fragment, (0, 0))
    assert run(["cache", "--prune", *cache]) == 0
    assert "removed 1 files" in capsys.readouterr().out
    assert not fragment.exists()


def test_a_folder_of_runs_that_is_not_there_is_refused(capsys, tmp_path):
    arguments = ["cache", "--prune", "--cache", str(tmp_path / "cache"), "--runs", str(tmp_path / "rnus")]
    assert "rnus is not a folder" in error_line(capsys, arguments)
    assert "together with --prune" in error_line(capsys, ["cache", "--dry-run"])
    assert "must be 0 to 1000000 hours" in error_line(capsys, ["cache", "--prune", "--older-than", "-1"])


def test_a_failed_run_does_not_block_pruning(capsys, run_arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = ["--cache", str(tmp_path / "cache")]
    run(run_arguments("--method", "faulty", *cache))
    capsys.readouterr()
    assert "no run refers to anything" in error_line(capsys, ["cache", "--prune", *cache])
    assert run(run_arguments(*cache)) == 0
    assert run(["cache", "--prune", *cache]) == 0


FEW = 12  # prompts of the holdout, three a class: as many as the claim needs


@pytest.fixture
def whole_arguments(run_arguments, monkeypatch):
    """The arguments of a run without a limit on a small holdout, one step an image; a test adds its own."""
    every = AICE.shared_prompts
    monkeypatch.setattr(AICE, "shared_prompts", lambda self, num_edits: every(self, num_edits)[:FEW])

    def build(*more: str) -> list[str]:
        arguments = run_arguments("--num-edits", "1", "--steps", "1", *more)
        place = arguments.index("--limit")
        return arguments[:place] + arguments[place + 2 :]

    return build


def test_draws_are_pooled_into_one_result_with_the_concepts_of_all(capsys, whole_arguments, tmp_path):
    assert run(whole_arguments("--draws", "2")) == 0
    pooled = result_of(tmp_path / "runs")
    assert (pooled.num_edits, pooled.draws, pooled.replicates) == (1, 2, 1)
    assert len(set(pooled.model.edited_digest)) == 2
    source, holdout = pooled.score("source2dest"), pooled.score("holdout_delta")
    assert (source.concepts, source.n, holdout.concepts, holdout.n) == (2, 10, FEW // 3, 2 * FEW)
    assert source.stderr is not None
    assert run(["runs", str(tmp_path / "runs")]) == 0
    assert "2 draws" in capsys.readouterr().out


def test_replicates_of_a_method_without_randomness_are_refused(capsys, whole_arguments):
    line = error_line(capsys, whole_arguments("--replicates", "2"))
    assert "--replicates: token_swap made the same edit with other seeds of the requests" in line
    assert "use --replicates 1" in line


def test_more_draws_than_requests_are_refused_before_any_work(capsys, whole_arguments):
    line = error_line(capsys, whole_arguments("--draws", "400"))
    assert "--draws 400: dataset aice_embedded has fewer than the 400 requests of 400 disjoint draws of 1" in line


def test_a_limit_goes_with_one_edit(capsys, run_arguments):
    line = error_line(capsys, run_arguments("--draws", "2"))
    assert "--limit is for a first look at one edit: use --draws 1 and --replicates 1" in line

"""A run from plan to result on a tiny model: what it scores, what it reuses, how it fails."""

import dataclasses
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import toy

from iceb.base.errors import MeasureError, MethodError, ResultError, StoreError
from iceb.leaderboard.collect import refusal
from iceb.running.evaluate import evaluate
from iceb.running.rescore import rescore
from iceb.running.run_folder import run
from iceb.runs.folder import read_requests, read_result
from iceb.runs.ledger import read_ledger
from iceb.runs.table import TABLE, read_table
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.results import Result
from iceb.stores.pace import Pace

TOY = Path(toy.__file__)


def comparable(result: Result) -> dict[str, Any]:
    """Everything of a result that must not change from one run to the next."""
    return result.model_dump(mode="json", exclude={"cost", "provenance", "execution"})


@pytest.fixture(scope="module")
def reference(tiny_sd_folder, tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("reference")
    result, path = run(toy.make_plan(tiny_sd_folder, folder / "cache"), folder / "out")
    return folder, result, path


def test_a_run_writes_a_result_that_can_be_read_again(reference):
    _, result, path = reference
    assert path.parts[-4:-1] == ("toy", "shake", result.id.split("/")[-1])
    assert Result.from_json(path.read_text()) == result
    assert result.status == "complete"
    assert [score.metric for score in result.scores] == ["edit_score", "source2dest", "holdout_delta"]
    assert result.score("source2dest").n == 24
    assert result.score("source2dest").concepts == 2
    assert result.score("source2dest").value != 0
    assert result.cost.images_drawn == 2 * 48
    assert result.log == {"size": 1.0}
    assert result.provenance.command == "iceb evaluate"


def test_images_jsonl_names_every_image(reference):
    folder, result, path = reference
    rows = read_ledger(path.parent, result.images)
    before, after = [row.before for row in rows], [row.after for row in rows]
    assert len(set(before)) == len(set(after)) == 48
    assert not set(before) & set(after)
    store = toy.ImageStore(folder / "cache")
    assert store.missing(before + after) == []


def test_requests_jsonl_names_every_concept(reference):
    _, result, path = reference
    rows = read_ledger(path.parent, result.images)
    assert set(read_requests(path.parent)) == {row.prompt.request for row in rows} - {None}


def test_a_second_run_draws_edits_and_measures_nothing(reference, tiny_sd_folder):
    folder, result, _ = reference
    plan = toy.make_plan(tiny_sd_folder, folder / "cache")
    assert plan.edits_cached
    assert [(c.role, c.prompts, c.before, c.after) for c in plan.counts] == [
        ("source", 24, 0, 0),
        ("holdout", 24, 0, 0),
    ]
    again = evaluate(plan)
    assert comparable(again) == comparable(result)
    assert (again.cost.images_drawn, again.cost.images_reused) == (0, 96)
    assert again.cost.edit_seconds == result.cost.edit_seconds
    assert not plan.parts.bundle.is_loaded
    assert plan.parts.scorer.measures["imagenet_classifier"].seen == []


def test_a_fully_cached_run_keeps_the_record_of_the_computing_run(reference, tiny_sd_folder, tmp_path):
    folder, _, made = reference
    plan = toy.make_plan(tiny_sd_folder, folder / "cache")
    kept = shutil.copytree(made.parent, tmp_path / plan.spec.id) / made.name
    again, path = run(plan, tmp_path)
    assert path == kept
    assert again.cost.images_drawn == 0
    assert kept.read_bytes() == made.read_bytes()

    other = json.loads(made.read_text(encoding="utf-8"))
    other["per_concept"]["sha256"] = "0" * 64
    kept.write_text(json.dumps(other), encoding="utf-8")
    run(plan, tmp_path)
    assert read_result(kept).scores == again.scores


def test_images_of_the_unedited_model_serve_every_method(reference, tiny_sd_folder, tmp_path):
    folder, _, _ = reference
    plan = toy.make_plan(tiny_sd_folder, folder / "cache", toy.Swap())
    assert all(counts.before == 0 for counts in plan.counts)
    result, _ = run(plan, tmp_path)
    # "dog" is drawn with the cat's seeds (new); holdout prompts name no source, so nothing of them is new.
    assert result.score("holdout_delta").value == 0
    assert result.cost.images_drawn == 24
    assert result.model.edited_digest == (result.model.digest,)


def test_fewer_edits_share_the_images_before(reference, tiny_sd_folder, tmp_path):
    folder, _, _ = reference
    result, _ = run(toy.make_plan(tiny_sd_folder, folder / "cache", num_edits=1), tmp_path)
    assert result.cost.images_drawn == 12 + 24
    assert result.cost.images_reused == 12 + 24


def test_a_limit_makes_a_partial_result(reference, tiny_sd_folder, tmp_path):
    folder, _, _ = reference
    result, _ = run(toy.make_plan(tiny_sd_folder, folder / "cache", limit=3), tmp_path)
    assert result.status == "partial"
    assert result.score("source2dest").n == 3
    assert result.cost.images_drawn == 0


KILLS = 3
IMAGES = 96  # of the toy run, both sides


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_killed_at_any_moment_the_same_command_ends_with_the_same_scores(
    reference, tiny_sd_folder, tmp_path, warm_python
):
    """Killed (SIGKILL) at three random moments of its work, then left alone."""
    _, result, _ = reference
    cache, out, moments = tmp_path / "cache", tmp_path / "out", random.Random(3)
    hold = tmp_path / "hold"
    hold.touch()
    command = [warm_python, str(TOY), str(tiny_sd_folder), str(cache), str(out), str(KILLS + 1)]
    done = 0
    environment = {**os.environ, "TOY_HOLD": str(hold)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as parent:
        for _ in range(KILLS):
            process = int(parent.stdout.readline())
            wait_for_images(tmp_path, min(done + 1, IMAGES))
            time.sleep(moments.uniform(0, 0.3))
            os.kill(process, signal.SIGKILL)
            done = len(images(tmp_path))
            assert not list(out.rglob("result.json"))
        hold.unlink()
        parent.stdout.readline()
    (written,) = out.rglob("result.json")
    again = Result.from_json(written.read_text())
    assert comparable(again) == comparable(result)
    assert again.cost.images_reused >= done > 0


def images(folder: Path) -> list[Path]:
    return list(folder.rglob("*.png"))


def wait_for_images(folder: Path, count: int) -> None:
    """Until so many images lie in the store."""
    for _ in range(600):
        if len(images(folder)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("nothing was drawn within 30 seconds")


@dataclass(frozen=True)
class Keeps(toy.Swap):
    """A prompt swap with a list of what it retains."""

    retain: tuple[str, ...] = ("a mat", "BOAT")


def test_a_run_that_retains_what_it_scores_says_so_and_stands_on_no_leaderboard(tiny_sd_folder, tmp_path):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Keeps())
    assert any("warning: what is retained names 1 scored concept (boat)" in line for line in plan.lines())
    result, _ = run(plan, tmp_path / "out")
    assert result.method.retained_scored == ("boat",)
    clean = result.model_copy(update={"provenance": result.provenance.model_copy(update={"dirty": False})})
    assert "what it retains names 1 scored concept (boat)" in (refusal(clean) or "")


@dataclass(frozen=True)
class Bad:
    """Returns whatever it is told to."""

    what: str
    card: ClassVar[MethodCard] = MethodCard("bad", 1, "", ("replace",), ("text_encoder.*",))

    def edit(self, bundle: Any, requests: Any, *, context: Any) -> Edit:
        name, weight = next(iter(bundle.parameters_named("text_encoder.*mlp.fc2.weight").items()))
        if self.what == "crash":
            raise ZeroDivisionError("division by zero")
        if self.what == "memory":
            raise MemoryError
        return Edit({name: {"nan": weight * float("nan"), "shape": weight[1:]}[self.what]})


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("nan", "NaN or infinite"),
        ("shape", "has shape"),
        (
            "crash",
            r"method bad raised ZeroDivisionError: .* \(tests/end_to_end/test_runs\.py:\d+, in edit\) on 2 requests",
        ),
        ("memory", "out of memory"),
    ],
)
@pytest.mark.usefixtures("drawn_cache")
def test_a_method_that_fails_leaves_a_failed_result(tiny_sd_folder, tmp_path, what, complaint):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Bad(what))
    with pytest.raises(MethodError, match=complaint):
        run(plan, tmp_path / "out")
    result = Result.from_json((tmp_path / "out" / plan.spec.id / "result.json").read_text())
    assert result.status == "failed"
    assert "method bad" in result.error
    assert not list((tmp_path / "cache" / "edits").rglob("*.safetensors"))


def test_a_failed_result_keeps_no_backticks_of_a_library(tiny_sd_folder, tmp_path, monkeypatch):
    """A field in backticks is shown as an option of iceb."""

    def fail(_):
        raise RuntimeError("set `limit` first")

    monkeypatch.setattr("iceb.running.evaluate.Run.outcome", fail)
    with pytest.raises(RuntimeError, match="set `limit` first"):
        run(toy.make_plan(tiny_sd_folder, tmp_path / "cache", num_edits=1), tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("result.json")
    assert read_result(path).error == "RuntimeError: set 'limit' first"


@pytest.mark.usefixtures("drawn_cache")
def test_a_failure_does_not_replace_a_result_that_stands(tiny_sd_folder, tmp_path, monkeypatch):
    def fail(self, measured):
        raise ZeroDivisionError("division by zero")

    first, path = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")
    monkeypatch.setattr(type(toy.EDIT_SCORE), "__call__", fail)
    for out in ("out", "elsewhere"):
        with pytest.raises(MeasureError, match="metric edit_score raised ZeroDivisionError"):
            run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / out)
    assert Result.from_json(path.read_text()) == first
    (failed,) = (tmp_path / "elsewhere").rglob("result.json")
    assert "ZeroDivisionError: division by zero" in Result.from_json(failed.read_text()).error


def test_an_out_folder_that_cannot_be_written_is_found_before_any_work(tiny_sd_folder, tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(StoreError, match="a file stands where a folder must be"):
        run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")
    assert not (tmp_path / "cache" / "images").exists()


@pytest.mark.usefixtures("drawn_cache")
def test_a_damaged_image_is_drawn_again_within_the_run(tiny_sd_folder, tmp_path):
    first, _ = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")
    victim = min(images(tmp_path))
    victim.write_bytes(victim.read_bytes()[:100])
    for file in (tmp_path / "cache" / "measured").rglob("*.pack"):
        file.unlink()
    again, _ = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")
    assert comparable(again) == comparable(first)
    assert again.cost.images_drawn == 1


def test_a_plan_tells_how_long_drawing_takes_once_it_is_known(tiny_sd_folder, tmp_path):
    for num_edits, estimated in ((1, False), (2, True)):
        plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", num_edits=num_edits)
        plan.parts.generator.pace = Pace(tmp_path / "cache")
        assert any(line.startswith("drawing ") for line in plan.lines()) is estimated
        run(plan, tmp_path / "out")


def test_the_plan_says_what_must_be_made(tiny_sd_folder, tmp_path):
    plan = toy.make_plan(tiny_sd_folder, tmp_path)
    lines = plan.lines()
    assert "edit: to be made" in lines
    assert "source: 24 images a side; to draw: before 24, after up to 24" in lines
    assert os.listdir(tmp_path) == []


@dataclass(frozen=True)
class Eraser(toy.Shake):
    """Shakes as well, and says that it aims at no destination."""

    card: ClassVar[MethodCard] = MethodCard(
        "eraser", 1, "", ("replace",), ("text_encoder.*mlp.fc2.weight",), reaches_dest=False
    )


@pytest.mark.usefixtures("drawn_cache")
def test_an_eraser_has_no_value_where_a_metric_asks_for_the_destination(tiny_sd_folder, tmp_path, monkeypatch):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Eraser())
    result, path = run(plan, tmp_path / "out")
    for name in ("edit_score", "source2dest"):
        score = result.score(name)
        assert (score.value, score.stderr, score.before, score.after) == (None, None, None, None)
        assert score.note == "erases; does not aim at a destination"
    assert result.score("holdout_delta").value is not None
    assert result.method.reaches_dest is False
    scorer = plan.parts.scorer
    monkeypatch.setattr("iceb.running.rescore.used_measures", lambda *_: scorer.measures)
    monkeypatch.setattr("iceb.running.rescore.registered_metric", lambda name: by_name(scorer)[name.rpartition("/")[2]])
    assert rescore(path.parent, cache=tmp_path / "cache").scores == result.scores


def by_name(scorer):
    return {each.metric.name: each for each in scorer.metrics}


@pytest.mark.usefixtures("drawn_cache")
def test_a_run_without_a_metric_that_an_earlier_one_had_keeps_its_score(tiny_sd_folder, tmp_path):
    cache, out = tmp_path / "cache", tmp_path / "out"
    both, path = run(toy.make_plan(tiny_sd_folder, cache), out)
    fewer, _ = run(toy.make_plan(tiny_sd_folder, cache, metrics=(toy.SOURCE2DEST, toy.HOLDOUT_DELTA)), out)
    assert {score.metric for score in fewer.scores} == {score.metric for score in both.scores}
    assert fewer.score("edit_score") == both.score("edit_score")
    kept = read_table(path.parent / TABLE, read_result(path).per_concept)
    assert {row.metric for row in kept} == {score.metric for score in both.scores}


@pytest.mark.usefixtures("drawn_cache")
def test_files_that_a_result_names_are_believed_only_as_they_were_written(tiny_sd_folder, tmp_path):
    cache, out = tmp_path / "cache", tmp_path / "out"
    first, path = run(toy.make_plan(tiny_sd_folder, cache), out)
    for name in ("images.jsonl", TABLE):
        file = path.with_name(name)
        whole = file.read_bytes()
        for damaged in (whole[: len(whole) // 2], bytes([whole[0] ^ 1]) + whole[1:], None):
            file.unlink()
            if damaged is not None:
                file.write_bytes(damaged)
            if name == "images.jsonl":
                with pytest.raises(ResultError, match=r"images\.jsonl"):
                    rescore(path.parent, cache=cache)
            again, _ = run(toy.make_plan(tiny_sd_folder, cache), out)
            assert comparable(again) == comparable(first)
            assert file.read_bytes() == whole


@pytest.mark.usefixtures("drawn_cache")
def test_images_of_a_metric_that_is_left_out_later_stay_in_the_ledger(tiny_sd_folder, tmp_path):
    cache, out = tmp_path / "cache", tmp_path / "out"
    both, path = run(toy.make_plan(tiny_sd_folder, cache), out)
    run(toy.make_plan(tiny_sd_folder, cache, metrics=(toy.SOURCE2DEST,)), out)
    standing = read_result(path)
    assert standing.images.rows == both.images.rows
    assert {row.prompt.role for row in read_ledger(path.parent, standing.images)} == {"source", "holdout"}


class OtherSeeds(toy.Toy):
    """The toy dataset with other seeds of the held-out images, under the same card and version."""

    def shared_prompts(self, num_edits):
        return [dataclasses.replace(prompt, seed=prompt.seed + 100) for prompt in super().shared_prompts(num_edits)]


def test_changed_seeds_under_one_version_are_another_run_and_refused_before_any_work(tiny_sd_folder, tmp_path):
    """They used to have the same id, so that the second run replaced the first one's result."""
    _, path = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache", num_edits=1), tmp_path / "out")
    before = {each: each.read_bytes() for each in (tmp_path / "out").rglob("*") if each.is_file()}
    changed = toy.make_plan(tiny_sd_folder, tmp_path / "cache", num_edits=1, dataset=OtherSeeds())
    with pytest.raises(ResultError, match=re.escape(f"prompts are not those of {path}: raise the version of dataset")):
        run(changed, tmp_path / "out")
    assert {each: each.read_bytes() for each in (tmp_path / "out").rglob("*") if each.is_file()} == before
    assert changed.counts[1].before == 24  # nothing was drawn

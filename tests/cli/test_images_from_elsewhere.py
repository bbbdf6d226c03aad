"""`iceb show prompts`, `iceb score --images` and `iceb evaluate --checkpoint`: scored as a run is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iceb.cli.main import run
from iceb.leaderboard.collect import refusal
from iceb.running.prompt_files import prompt_id
from iceb.runs.folder import read_result
from iceb.runs.ledger import read_ledger
from iceb.stores.images import ImageStore

pytestmark = pytest.mark.usefixtures("plugins")
RECTIFY = ["--task", "rectification", "--num-edits", "1"]
TASK = ["--task", "aice", "--num-edits", "2", "--limit", "6"]


def results(out: Path) -> list[Path]:
    return sorted(out.glob("*/*/*/result.json"))


@pytest.fixture
def normal_run(model, data, tmp_path):
    """A limited run of the tiny model, and its images as another program would hand them in."""
    out = tmp_path / "runs"
    arguments = ["evaluate", "--method", "token_swap", *TASK, "--model", str(model), "--data", data, "--device", "cpu"]
    assert run([*arguments, "--out", str(out)]) == 0
    (path,) = results(out)
    result, store = read_result(path), ImageStore(Path(_cache()))
    for row in read_ledger(path.parent, result.images):
        for side in ("before", "after"):
            target = tmp_path / "images" / side / f"{prompt_id(row.prompt)}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(store.path(row.key(side)), target)
    return result, path


def _cache() -> str:
    import os

    return os.environ["ICEB_CACHE"]


def score(model, data, tmp_path, *more: str) -> int:
    arguments = ["score", "--images", str(tmp_path / "images"), *TASK, "--model", str(model), "--data", data]
    return run([*arguments, "--name", "mine", "--out", str(tmp_path / "handed"), *more])


def test_images_of_a_run_given_back_have_its_scores_and_a_mark(normal_run, model, data, tmp_path, capsys):
    known, _ = normal_run
    capsys.readouterr()
    assert score(model, data, tmp_path) == 0
    (path,) = results(tmp_path / "handed")
    found = read_result(path)
    assert found.scores == known.scores
    assert found.task == known.task
    assert (found.method.name, found.method.package) == ("mine", "elsewhere")
    assert found.outside.made_by == "images"
    assert "marked: images from elsewhere" in capsys.readouterr().out
    assert run(["score", str(path)]) == 0  # its images are kept, so that other metrics can be added


def pixel_changed(path: Path) -> None:
    """Write the image again with one level of one pixel changed."""
    pixels = np.asarray(Image.open(path).convert("RGB")).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def test_images_before_are_known_by_every_byte_or_the_result_has_no_rank(normal_run, model, data, tmp_path, capsys):
    assert score(model, data, tmp_path) == 0
    (path,) = results(tmp_path / "handed")
    assert read_result(path).outside.before == "same"
    pixel_changed(sorted((tmp_path / "images" / "before").iterdir())[0])
    capsys.readouterr()
    assert score(model, data, tmp_path, "--out", str(tmp_path / "forged")) == 0
    said = capsys.readouterr().out
    found = read_result(results(tmp_path / "forged")[0]).outside
    assert (found.before, found.before_unknown, found.knows_before) == ("handed in", 1, False)
    assert "those before handed in, 1 of them not known to be the model's" in said
    assert "shown and never ranked: draw the images before here, with --draw-before" in said


def test_the_images_of_one_side_on_both_are_refused(normal_run, model, data, tmp_path, capsys):
    shutil.rmtree(tmp_path / "images" / "after")
    shutil.copytree(tmp_path / "images" / "before", tmp_path / "images" / "after")
    capsys.readouterr()
    assert score(model, data, tmp_path) == 2
    assert "--images: no image of what was edited has changed" in capsys.readouterr().err
    assert results(tmp_path / "handed") == []


def test_images_before_may_be_drawn_here(normal_run, model, data, tmp_path, capsys):
    known, _ = normal_run
    assert score(model, data, tmp_path, "--draw-before") == 2
    assert "--draw-before: 18 such images were handed in too" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "images" / "before")
    assert score(model, data, tmp_path, "--draw-before") == 0
    found = read_result(results(tmp_path / "handed")[0])
    assert found.scores == known.scores
    assert (found.outside.before, found.outside.knows_before) == ("drawn", True)


def test_prompts_are_listed_with_the_files_that_are_handed_in(normal_run, model, data, tmp_path, capsys):
    capsys.readouterr()
    arguments = ["show", "prompts", "aice", "--num-edits", "2", "--model", str(model), "--data", data, "--json"]
    assert run(arguments) == 0
    listed = json.loads(capsys.readouterr().out)
    handed = {path.relative_to(tmp_path / "images").as_posix() for path in (tmp_path / "images").rglob("*.png")}
    files = {prompt[side] for prompt in listed["prompts"] for side in ("before", "after")}
    assert handed < files
    assert [request["id"] for request in listed["batches"][0]["requests"]] == [
        "aice_embedded/0000",
        "aice_embedded/0001",
    ]
    assert listed["sampling"]["height"] == 32
    one = listed["prompts"][0]
    assert set(one) == {"id", "text", "seed", "role", "request", "checkpoint", "before", "after"}


def test_a_missing_image_makes_the_result_partial_and_is_named(normal_run, model, data, tmp_path, capsys):
    gone = sorted((tmp_path / "images" / "after").iterdir())[0]
    gone.unlink()
    assert score(model, data, tmp_path) == 0
    assert f"partial, shown and never ranked: missing after/{gone.name}" in capsys.readouterr().out
    found = read_result(results(tmp_path / "handed")[0])
    assert found.status == "partial"
    assert found.outside.missing == (f"after/{gone.name}",)
    assert "1 images were not handed in" in refusal(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score"], "nothing to score: name a run's folder, or images of another program with --images"),
        (["score", "--images", "nowhere", *TASK], "--images nowhere: neither a folder"),
        (["score", "--images", "nowhere"], "give --task and --num-edits"),
        (["show", "prompts"], "needs a task"),
        (["show", "prompts", "own"], "name their file with --requests"),
        (["show", "task", "aice", "--num-edits", "3"], "takes no options"),
        (["evaluate", "--task", "aice", "--num-edits", "1"], "nothing to edit with: give --method, or --checkpoint"),
        (["evaluate", "--method", "uce", "--checkpoint", "x", *TASK], "--method and --checkpoint both say what edits"),
        (["evaluate", "--method", "uce", "--name", "x", *TASK], "--name x: is for --checkpoint"),
        (["evaluate", "--checkpoint", ".", "--set", "a=1", *TASK], "has no settings here"),
        (["evaluate", "--checkpoint", "mini", *TASK], "names no folder"),
        (["evaluate", "--method", "uce", "--erases", *TASK], "--erases: is for --checkpoint"),
        (["score", "--images", ".", "--erases", *RECTIFY], "images cannot rectify, which task rectification asks for"),
    ],
)
def test_whatever_is_asked_wrongly_is_one_line(arguments, said, capsys, place):
    assert run(arguments) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_an_edited_model_scores_as_the_edit_that_made_it(normal_run, model, data, tmp_path, capsys):
    known, path = normal_run
    requests = tmp_path / "two.json"
    rows = [json.loads(line) for line in (path.parent / "requests.jsonl").read_text().splitlines()]
    kept = ("source", "seed", "aliases")
    requests.write_text(
        json.dumps(
            [{**{name: row[name] for name in kept}, "dest": row["dests"], "prompts": row["templates"]} for row in rows]
        )
    )
    edit, folder = str(tmp_path / "edit"), str(tmp_path / "edited")
    common = ["--model", str(model), "--device", "cpu"]
    assert run(["edit", "--method", "token_swap", "--requests", str(requests), *common, "--out", edit]) == 0
    assert run(["apply", str(model), edit, "--out", folder]) == 0
    arguments = ["evaluate", "--checkpoint", folder, "--name", "swapped", *TASK, *common, "--data", data]
    assert run([*arguments, "--out", str(tmp_path / "other")]) == 0
    found = read_result(results(tmp_path / "other")[0])
    assert found.scores == known.scores
    assert (found.method.name, found.method.package, found.outside.made_by) == ("swapped", "elsewhere", "checkpoint")
    assert run([*arguments, "--erases", "--out", str(tmp_path / "eraser")]) == 0
    eraser = read_result(results(tmp_path / "eraser")[0])
    assert eraser.method.reaches_dest is False
    assert eraser.score("source2dest").note == "erases; does not aim at a destination"
    assert eraser.score("source_forget") == known.score("source_forget")
    capsys.readouterr()
    base = [*arguments[:2], str(model), *arguments[3:], "--out", str(tmp_path / "third")]
    assert run(base) == 2
    assert "its weights are those of model, bit for bit" in capsys.readouterr().err

"""`iceb try` and `iceb evaluate --requests`: own concepts on the tiny model, from a file to a sheet and a table."""

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from iceb.cli.main import run
from iceb.leaderboard.collect import refusal
from iceb.report.contact_sheet import LINE
from iceb.runs.folder import read_result

pytestmark = pytest.mark.usefixtures("plugins")
MEASURES = {"imagenet_classifier": "colour_classes", "clip_l14": "clip_mini_texts", "lpips_alex": "perceptual_mini"}
ROWS = "source,dest\nlion,hen\nour mascot,tiger\n"


@pytest.fixture(scope="module")
def judged_model(model, tmp_path_factory) -> Path:
    """The tiny model with a judge for classes, one for texts and one for distances."""
    folder = tmp_path_factory.mktemp("judged") / "model"
    shutil.copytree(model, folder)
    said = json.loads((folder / "iceb.json").read_text())
    (folder / "iceb.json").write_text(json.dumps({**said, "measures": MEASURES}))
    return folder


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "two.csv"
    path.write_text(ROWS)
    return path


def test_a_trial_ends_with_a_sheet_and_a_table_of_every_method(judged_model, file, tmp_path, capsys):
    out = tmp_path / "trial"
    arguments = [
        "try",
        "--requests",
        str(file),
        "--method",
        "token_swap,uce",
        "--model",
        str(judged_model),
        "--device",
        "cpu",
    ]
    assert run([*arguments, "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "warning: uce: only the empty text is preserved" in printed.err
    assert "note: no neighbour is known of our mascot" in printed.err
    assert "recipe uce/aice" in printed.err
    lines = printed.out.splitlines()
    head = "method reached forgotten neighbours unrelated drift degenerate edit (s)"
    assert " ".join(lines[0].split()) == head
    assert [line.split()[0] for line in lines[1:4]] == ["unedited", "token_swap", "uce,"]
    assert any(line.startswith("lion → hen") for line in lines)
    sheet = Image.open(io.BytesIO((out / "sheet.png").read_bytes()))
    rows = 2 * 2 + 2 + 6  # source prompts, neighbours of the lion, unrelated ones
    assert sheet.width > 4 * 128  # unedited, two methods, destination: 32 pixels enlarged four times
    assert sheet.height > rows * (128 + LINE)  # with what the judge says below each image
    degenerate = [lines[1].split()[-1], *(line.split()[-2] for line in lines[2:4])]  # the unedited model has no time
    assert all(re.fullmatch(r"[01]\.\d\d", text) for text in degenerate)
    assert "| method | reached |" in (out / "table.md").read_text()
    found = [read_result(path) for path in sorted((out / "runs").glob("*/*/*/result.json"))]
    assert {each.outside.own_requests for each in found} == {"two.csv"}
    assert "somebody's own requests" in refusal(found[0])


def test_the_full_form_draws_more_and_shares_what_was_drawn(judged_model, file, tmp_path, capsys):
    common = ["--model", str(judged_model), "--device", "cpu"]
    assert run(["try", "--requests", str(file), "--method", "token_swap", *common, "--out", str(tmp_path / "t")]) == 0
    capsys.readouterr()
    arguments = [
        "evaluate",
        "--requests",
        str(file),
        "--method",
        "token_swap",
        *common,
        "--out",
        str(tmp_path / "runs"),
    ]
    assert run(arguments) == 0
    (path,) = (tmp_path / "runs").glob("*/*/*/result.json")
    result = read_result(path)
    assert result.id.startswith("own/token_swap/0002-")
    assert result.score("own_reached").n == 12
    assert result.cost.images_reused > 0
    assert "marked: own requests (two.csv)" in capsys.readouterr().out


def test_pairs_may_be_typed_and_nothing_is_made_in_a_dry_run(judged_model, tmp_path, capsys, place):
    arguments = ["try", "--source", "lion", "--dest", "hen", "--method", "uce", "--model", str(judged_model)]
    assert run([*arguments, "--dry-run"]) == 0
    assert "nothing was made" in capsys.readouterr().out
    assert not (place / "trial").exists()


def test_settings_name_their_method_where_there_are_several(judged_model, file, capsys):
    arguments = ["try", "--requests", str(file), "--method", "uce,time", "--model", str(judged_model), "--dry-run"]
    assert run([*arguments, "--set", "ridge=0.5"]) == 2
    assert "with several methods write METHOD.NAME=VALUE" in capsys.readouterr().err
    assert run([*arguments, "--set", "time.ridge=0.5"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["try", "--method", "uce"], "nothing to edit: give --requests FILE, or --source and --dest"),
        (["try", "--source", "lion", "--method", "uce,uce"], "name one or more, each once"),
        (["try", "--source", "lion", "--method", ","], "name one or more, each once"),
    ],
)
def test_whatever_is_asked_wrongly_is_one_line(arguments, said, capsys, place):
    assert run(arguments) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_training_images_far_from_the_models_size_are_warned_of(judged_model, capsys):
    arguments = ["try", "--source", "lion", "--dest", "hen", "--method", "ablation", "--model", str(judged_model)]
    assert run([*arguments, "--dry-run", "--set", "resolution=512"]) == 0
    assert (
        "it trains on images of 512 pixels and the model draws 32: set --set resolution=32" in capsys.readouterr().err
    )


def test_requests_in_conflict_and_retained_names_that_are_judged_are_warned_of(judged_model, tmp_path, capsys):
    rows, retained = tmp_path / "rows.csv", tmp_path / "retained.txt"
    rows.write_text("source,dest\nlion,hen\nhen,tiger\nhens,tiger\n")
    retained.write_text("tiger\n")
    arguments = ["try", "--requests", str(rows), "--method", "token_swap,uce", "--model", str(judged_model)]
    assert run([*arguments, "--dry-run", "--set", f"uce.retain_file={retained}"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "among the requests" in line or "what is retained" in line] == [
        "warning: uce: what is retained names 1 scored concept (tiger): no leaderboard takes such a result",
        "warning: 2 chains among the requests: lion → hen → tiger; lion → hens → tiger",
        "warning: 1 near-duplicate among the requests: hen and hens",
    ]

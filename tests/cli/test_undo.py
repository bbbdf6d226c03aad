"""`iceb apply --without`: one request taken back out is an edit that never had it."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from iceb.cli.main import run

pytestmark = pytest.mark.usefixtures("plugins")
PAIRS = {"lion": "hen", "goldfinch": "robin", "tiger": "dog"}


def weights(folder: Path) -> dict[str, bytes]:
    return {
        f"{path.parent.name}.{name}": tensor.numpy().tobytes()
        for path in folder.glob("*/*.safetensors")
        for name, tensor in load_file(path).items()
    }


def edit(method: str, model: Path, out: Path, *left_out: str) -> Path:
    pairs = [
        word
        for source, dest in PAIRS.items()
        if source not in left_out
        for word in ("--source", source, "--dest", dest)
    ]
    assert run(["edit", "--method", method, *pairs, "--model", str(model), "--device", "cpu", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("method", ["uce", "time", "token_swap"])
def test_the_other_requests_are_as_if_edited_alone(method, model, tmp_path, capsys):
    delta = edit(method, model, tmp_path / "three")
    alone = edit(method, model, tmp_path / "two", "goldfinch")
    assert run(["apply", str(model), str(alone), "--out", str(tmp_path / "expected")]) == 0
    capsys.readouterr()
    arguments = ["apply", str(model), str(delta), "--without", "goldfinch", "--device", "cpu"]
    assert run([*arguments, "--out", str(tmp_path / "found")]) == 0
    assert "edited the other 2 requests again" in capsys.readouterr().out
    assert weights(tmp_path / "found") == weights(tmp_path / "expected")
    readme = (tmp_path / "found" / "README.md").read_text()
    assert "lion → hen" in readme
    assert "goldfinch" not in readme


def test_a_request_may_be_named_by_its_id_and_several_at_once(model, tmp_path):
    delta = edit("uce", model, tmp_path / "three")
    arguments = ["apply", str(model), str(delta), "--without", "own/0000", "--without", "tiger", "--device", "cpu"]
    assert run([*arguments, "--out", str(tmp_path / "found")]) == 0
    assert "goldfinch → robin" in (tmp_path / "found" / "README.md").read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ["--without", "panda"],
            "--without 'panda': this edit has no such request: choose among lion, goldfinch",
        ),
        (["--without", "lion", "--without", "goldfinch", "--without", "tiger"], "take the base model itself"),
        (["--without", "lion", "--set", "ridge=3"], "the other settings are those of the saved edit"),
        (["--set", "ridge=3"], "--set is for --without"),
    ],
)
def test_whatever_is_asked_wrongly_is_one_line(more, said, model, tmp_path, capsys):
    delta = edit("uce", model, tmp_path / "three")
    assert run(["apply", str(model), str(delta), *more, "--out", str(tmp_path / "found")]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_file_of_the_settings_must_be_named_again_and_be_the_same(model, tmp_path, capsys):
    retained, other = tmp_path / "retained.txt", tmp_path / "other.txt"
    retained.write_text("cat\ndog\n")
    other.write_text("cat\n")
    pairs = ["--source", "lion", "--dest", "hen", "--source", "tiger", "--dest", "dog"]
    arguments = ["edit", "--method", "uce", *pairs, "--model", str(model), "--device", "cpu"]
    assert run([*arguments, "--set", f"retain_file={retained}", "--out", str(tmp_path / "delta")]) == 0
    again = ["apply", str(model), str(tmp_path / "delta"), "--without", "lion", "--device", "cpu"]
    assert run([*again, "--out", str(tmp_path / "a")]) == 2
    assert "name it again with --set retain_file=FILE" in capsys.readouterr().err
    assert run([*again, "--set", f"retain_file={other}", "--out", str(tmp_path / "a")]) == 2
    assert "its content is not what the saved edit read" in capsys.readouterr().err
    assert run([*again, "--set", f"retain_file={retained}", "--out", str(tmp_path / "a")]) == 0


def test_a_method_that_trains_says_that_it_trained_the_others_again(model, tmp_path, capsys):
    pairs = ["--source", "lion", "--dest", "hen", "--source", "tiger", "--dest", "dog"]
    arguments = ["edit", "--method", "finetune", *pairs, "--model", str(model), "--device", "cpu"]
    assert run([*arguments, "--set", "steps=1", "--out", str(tmp_path / "delta")]) == 0
    capsys.readouterr()
    again = ["apply", str(model), str(tmp_path / "delta"), "--without", "lion", "--device", "cpu"]
    assert run([*again, "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    assert "finetune trains, so it trained the other 1 request again with the saved settings" in said

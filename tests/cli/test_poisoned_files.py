"""Whatever a file holds, the answer is one clear line and exit code 2; nothing outside is touched."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.poisons import DEEP, DIGITS, EDIT, EVALUATE, complaint

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "result.json"
ALONE = {"source": "dog", "dest": "cat"}

TEXTS = {  # no JSON object, no TOML, no CSV of requests
    "empty": b"",
    "nul": b"\0" * 64,
    "no-utf8": b"\xff\xfe\xfa",
    "digits": DIGITS.encode(),
    "deep": DEEP.encode(),
    "null": b"null",
    "list-of-null": b"[null]",
    "nan": b'{"a": NaN}',
    "twice": b'{"a": 1, "a": 2}',
    "half": b'{"a": "\\ud800"}',
    "half-in-list": b'["\\ud800"]',
    "overflow": b'[{"source": "dog", "seed": 1e999}]',
    "long-line": b"source\n" + b"x" * 200_000,
}


def run_files(folder: Path) -> Path:
    """A run's folder with a whole result and no image."""
    target = folder / "run"
    target.mkdir()
    shutil.copy(FIXTURE, target / "result.json")
    name_images(target, b"")
    return target


def name_images(run: Path, data: bytes) -> None:
    """Write a run's images.jsonl, and name it in the result, as somebody who hands in both would."""
    (run / "images.jsonl").write_bytes(data)
    document = json.loads((run / "result.json").read_text(encoding="utf-8"))
    document["images"] = {"sha256": hashlib.sha256(data).hexdigest(), "rows": data.count(b"\n")}
    (run / "result.json").write_text(json.dumps(document), encoding="utf-8")


def readers(folder: Path) -> list[tuple[str, list[str]]]:
    """A file, and a command that reads it first of all."""
    run_files(folder)
    for name in ("edit", "model/unet", "board/results", "times"):
        (folder / name).mkdir(parents=True)
    (folder / "model" / "model_index.json").write_text("{}", encoding="utf-8")
    shutil.copytree(ROOT / "iceb" / "mini" / "data", folder / "data")
    evaluate, edit = list(EVALUATE), list(EDIT)
    return [
        ("run/result.json", ["show", "result", "run/result.json"]),
        ("run/result.json", ["score", "run"]),
        ("run/result.json", ["grid", "run"]),
        ("run/result.json", ["leaderboard", "--folder", "board", "--add", "run/result.json"]),
        ("board/results/a.json", ["leaderboard", "--folder", "board"]),
        ("edit/manifest.json", ["apply", "mini", "edit", "--out", "applied"]),
        ("own.json", [*edit, "--requests", "own.json"]),
        ("own.csv", [*edit, "--requests", "own.csv"]),
        ("recipe.toml", [*evaluate, "--recipe", "recipe.toml"]),
        ("model/model_index.json", [*evaluate, "--model", "model"]),
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_poisoned_file_is_one_line_that_names_it(capsys, place, text):
    for name, arguments in readers(place):
        path = place / name
        whole = path.read_bytes() if path.exists() else None
        path.write_bytes(TEXTS[text])
        assert path.name in complaint(capsys, arguments), (name, arguments)
        path.unlink()
        if whole is not None:
            path.write_bytes(whole)


def test_a_folder_where_a_file_should_be_is_named(capsys, place):
    for name, arguments in readers(place):
        path = place / name
        if name.startswith("run/") or "model_index" in name:
            continue  # a folder named for its file is searched, not read
        path.mkdir()
        assert path.name in complaint(capsys, arguments), (name, arguments)
        path.rmdir()


LINES = {
    "path": {"before": "../victim"},
    "absolute": {"after": "/etc/passwd"},
    "short": {"before": "ab"},
    "capitals": {"before": "A" * 64},
    "number": {"before": 7},
    "half": {"text": "a \udcff b"},
    "no-text": {"text": None},
    "role": {"role": "../source"},
    "seed": {"seed": 10**20},
    "half-seed": {"seed": 1.5},
    "tags": {"tags": "abc"},
    "choices": {"choices": [None]},
    "noise": {"noise": {"seed": 1, "calls": [10**20], "slot": 0}},
    "noise-text": {"noise": "x"},
    "unknown": {"\x1b[31m": 1},
    "checkpoint": {"checkpoint": "a\nb"},
    "group": {"group": None},
    "draw": {"draw": "a\nb"},
}
LINE = {
    "checkpoint": "c",
    "group": "",
    "draw": "",
    "before": "0" * 64,
    "after": "1" * 64,
    "text": "a dog",
    "seed": 1,
    "role": "source",
}


@pytest.mark.parametrize("change", LINES)
def test_a_poisoned_line_of_images_is_refused_before_the_cache_is_touched(capsys, place, change):
    folder = run_files(place)
    text = json.dumps({**LINE, **LINES[change]})
    name_images(folder, f"{text}\n".encode())
    for command in (["score", "run"], ["grid", "run"]):
        assert "images.jsonl line 1" in complaint(capsys, [*command, "--cache", "cache"])
    assert not (place / "cache").exists()


RESULTS = {
    "id": lambda d: d.update(id="../../victim"),
    "id-number": lambda d: d.update(id=7),
    "task": lambda d: d["task"].update(name="../victim"),
    "dataset": lambda d: d["task"].update(dataset="a/../b"),
    "family": lambda d: d["model"].update(family="../../victim"),
    "edits": lambda d: d.update(num_edits=10**18),
    "limit": lambda d: d.update(limit=-1),
    "steps": lambda d: d["sampling"].update(steps=10**18),
    "side": lambda d: d["sampling"].update(height=10**18),
    "escape": lambda d: d["method"].update(name="\x1b[31m"),
    "half": lambda d: d["method"].update(recipe="\ud800"),
}


@pytest.mark.parametrize("change", RESULTS)
def test_a_result_of_somebody_else_names_no_path_and_drives_no_terminal(capsys, place, change):
    document = json.loads(FIXTURE.read_text(encoding="utf-8"))
    RESULTS[change](document)
    path = run_files(place) / "result.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    (place / "board" / "results").mkdir(parents=True)
    for arguments in (["show", "result", str(path)], ["leaderboard", "--folder", "board", "--add", str(path)]):
        assert "result.json" in complaint(capsys, arguments)
    assert [found.name for found in (place / "board").rglob("*")] == ["results"]


OWN = {
    "half": {**ALONE, "source": "\ud800"},
    "control": {**ALONE, "dest": "a\0b"},
    "long": {**ALONE, "source": "x" * 10_001},
    "seed": {**ALONE, "seed": 10**20},
    "negative": {**ALONE, "seed": -1},
    "null": {**ALONE, "source": None},
    "aliases": {**ALONE, "aliases": ["\x1b[31m"]},
    "prompts": {**ALONE, "prompts": ["no braces"]},
    "unknown": {**ALONE, "k" * 300: 1},
}


@pytest.mark.parametrize("row", OWN)
def test_a_poisoned_request_is_refused_with_its_place(capsys, place, row):
    (place / "own.json").write_text(json.dumps([OWN[row]]), encoding="utf-8")
    assert "own.json" in complaint(capsys, [*EDIT, "--requests", "own.json"])

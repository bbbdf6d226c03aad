"""Whatever an option or a file holds, the answer is one clear line and exit code 2; nothing outside is touched."""

import json
import re
import shutil
from pathlib import Path

import pytest

from iceb.cli.main import run

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "result.json"
DIGITS, DEEP, HUGE = "7" * 5000, "[" * 100_000, str(10**20)
LONG = "word " * 1000
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
ALONE = {"source": "dog", "dest": "cat"}
EVALUATE = ("evaluate", "--method", "unedited", "--task", "aice", "--num-edits", "1", "--dry-run", "--cache", "cache")
EDIT = ("edit", "--method", "prompt_swap", "--cache", "cache")

OPTIONS = [
    (*EVALUATE, "--num-edits", HUGE),
    (*EVALUATE, "--num-edits", DIGITS),
    (*EVALUATE, "--limit", HUGE),
    (*EVALUATE, "--limit", "-1"),
    (*EVALUATE, "--steps", HUGE),
    (*EVALUATE, "--steps", "1001"),
    (*EVALUATE, "--guidance", "1e308"),
    (*EVALUATE, "--guidance", "nan"),
    (*EVALUATE, "--scheduler", LONG),
    (*EVALUATE, "--dtype", "\ud800"),
    (*EVALUATE, "--device", LONG),
    (*EVALUATE, "--method", LONG),
    (*EVALUATE, "--method", "\x1b[31m"),
    (*EVALUATE, "--task", "x" * 100_000),
    (*EVALUATE, "--metric", LONG),
    (*EVALUATE, "--model", "x" * 300),
    (*EVALUATE, "--model", "~nobody-has-this-name/x"),
    (*EVALUATE, "--data", "x" * 300),
    (*EVALUATE, "--data", "~nobody-has-this-name/x"),
    (*EVALUATE, "--recipe", "a/" * 3000),
    (*EVALUATE, "--cache", "x" * 300),
    (*EVALUATE, "--cache", "~nobody-has-this-name/x"),
    (*EVALUATE, "--set", f"x={DIGITS}"),
    (*EVALUATE, "--set", f"x={DEEP}"),
    (*EVALUATE, "--set", "x=1e999"),
    (*EVALUATE, "--set", "x=\ud800"),
    (*EVALUATE, "--set", 'x={"a": 1, "a": 2}'),
    (*EVALUATE, "--method", "emcid", "--set", f"steps={HUGE}"),
    (*EVALUATE, "--method", "emcid", "--set", f"steps={2**31 + 1}"),
    (*EVALUATE, "--method", "emcid", "--set", "rate=1e13"),
    (*EVALUATE, "--method", "emcid", "--set", "captions=~nobody-has-this-name/x"),
    (*EDIT, "--source", "\ud800", "--dest", "cat"),
    (*EDIT, "--source", "dog", "--dest", "a\udcffb"),
    (*EDIT, "--source", "\x1b[31mdog", "--dest", "cat"),
    (*EDIT, "--source", "x" * 10_001, "--dest", "cat"),
    (*EDIT, "--source", "dog", "--dest", "cat", "--out", "x" * 300),
    (*EDIT, "--task", "aice", "--num-edits", HUGE),
    ("check", "method", "unedited", "--sizes", DIGITS),
    ("check", "method", "unedited", "--sizes", HUGE),
    ("check", "method", "unedited", "--sizes", "1,٢"),
    ("show", "result", "nul\0byte"),
    ("show", "method", LONG),
    ("list", LONG),
    (LONG,),
    ("grid", "run", "--rows", HUGE),
    ("cache", "--prune", "--older-than", "1e308"),
    ("cache", "--prune", "--runs", "x" * 300),
    ("leaderboard", "--folder", "x" * 300),
    ("docs", "--benchmarks", "x" * 300, "--leaderboards", "x" * 300),
    ("data", "status", LONG),
]

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


def complaint(capsys, arguments, code=2) -> str:
    """The last line on stderr of a command that must be refused, after checking that it is fit to be shown."""
    assert run(arguments) == code
    last = capsys.readouterr().err.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("iceb: ")
    assert not last.startswith("iceb: unexpected")
    assert len(last) <= 1000
    assert not CONTROL.search(last)
    assert all(len(word) <= 200 for word in last.split())
    return last


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder, with a file beside it that nothing may touch."""
    (tmp_path / "victim.png").write_bytes(b"untouched")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ICEB_CACHE", str(folder / "cache"))
    yield folder
    assert (tmp_path / "victim.png").read_bytes() == b"untouched"


@pytest.mark.parametrize("arguments", OPTIONS, ids=range(len(OPTIONS)))
def test_an_absurd_option_is_one_line_and_exit_code_two(capsys, place, arguments):
    assert "Traceback" not in complaint(capsys, list(arguments))


def run_files(folder: Path) -> Path:
    """A run's folder with a whole result and no image."""
    target = folder / "run"
    target.mkdir()
    shutil.copy(GOLDEN, target / "result.json")
    (target / "images.jsonl").write_text("", encoding="utf-8")
    return target


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
}
LINE = {
    "checkpoint": "c",
    "group": "",
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
    (folder / "images.jsonl").write_text(f"{text}\n", encoding="utf-8")
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
    document = json.loads(GOLDEN.read_text(encoding="utf-8"))
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


def test_an_error_of_the_system_is_told_with_its_file(capsys, place, monkeypatch):
    from iceb.cli import listing

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "some/\udcfffile")

    monkeypatch.setattr(listing, "_rows", denied)
    assert r"some/\udcfffile" in complaint(capsys, ["list", "methods"])

"""Whatever an option says, the answer is one clear line and exit code 2."""

import pytest

from tests.cli.poisons import DEEP, DIGITS, EDIT, EVALUATE, HUGE, LONG, complaint

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
    ("data", "verify", LONG),
    ("data", "show", "aice", "--data", "x" * 300),
    ("explain", LONG),
]


@pytest.mark.parametrize("arguments", OPTIONS, ids=range(len(OPTIONS)))
def test_an_absurd_option_is_one_line_and_exit_code_two(capsys, place, arguments):
    assert "Traceback" not in complaint(capsys, list(arguments))


def test_a_system_error_is_reported_with_its_file(capsys, place, monkeypatch):
    from iceb.cli import listing

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "some/\udcfffile")

    monkeypatch.setattr(listing, "_rows", deny)
    assert r"some/\udcfffile" in complaint(capsys, ["list", "methods"])

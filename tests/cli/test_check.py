"""`iceb check method`: every check on a line, one line on stderr and exit code 1 when one fails."""

import json
import subprocess
from pathlib import Path

import pytest

from iceb.cli.main import run


def check(model, *arguments: str) -> int:
    return run(["check", "method", *arguments, "--model", str(model), "--device", "cpu", "--sizes", "1"])


def test_a_third_partys_method_is_checked_like_ours(capsys, model, plugins):
    assert check(model, "token_swap") == 0
    captured = capsys.readouterr()
    assert "pass     same bytes twice" in captured.out
    assert captured.out.splitlines()[-1].rpartition(" in ")[0].endswith("0 failed, 2 skipped, 2 measured")
    assert captured.err == ""


@pytest.mark.parametrize("fault", ["nan", "shape", "unknown", "undeclared", "crash"])
def test_a_faulty_method_ends_with_one_line_that_names_the_check(capsys, model, plugins, fault):
    assert check(model, "faulty", "--set", f"fault={fault}") == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("iceb: method faulty: 2 of ")
    assert line.endswith("checks failed: no requests, an empty edit, edit fits model and card")
    assert "Traceback" not in captured.out + captured.err


def test_a_methods_exception_is_reported_with_its_file_and_line(capsys, model, plugins, monkeypatch):
    assert check(model, "faulty", "--set", "fault=crash") == 1
    captured = capsys.readouterr()
    place = f"faulty.py:{line_of('raise ZeroDivisionError')}, in edit"
    assert f"raised ZeroDivisionError: division by zero second line ({place})" in captured.out
    assert "Traceback" not in captured.err
    monkeypatch.setenv("ICEB_TRACEBACK", "1")
    assert check(model, "faulty", "--set", "fault=crash") == 1
    captured = capsys.readouterr()
    assert "Traceback (most recent call last)" in captured.err
    assert 'faulty.py", line' in captured.err
    assert captured.err.splitlines()[-1].startswith("iceb: method faulty: ")


def line_of(text: str) -> int:
    lines = (Path(__file__).parent / "faulty.py").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_the_lines_as_json(capsys, model, plugins):
    assert check(model, "faulty", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["method"] == "faulty"
    assert report["settings"] == {"fault": "nan"}
    failed = {row["check"]: row["note"] for row in report["checks"] if row["status"] == "fail"}
    assert all(row["seconds"] >= 0 for row in report["checks"])
    assert "NaN or infinite" in failed["edit fits model and card"]


def test_a_method_without_its_file_is_skipped_and_fails_nothing(capsys, model):
    assert check(model, "emcid") == 0
    (line, total) = capsys.readouterr().out.splitlines()
    assert line.startswith("skipped  settings fit the model")
    assert "captions" in line
    assert total == "0 passed, 0 failed, 1 skipped, 0 measured in 0 s"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["emcdi"], "did you mean emcid"),
        (["unedited", "--sizes", "1,ten"], "must be whole numbers from 1"),
        (["unedited", "--sizes", "0"], "must be whole numbers from 1"),
        (["unedited", "--set", "rate=1"], "unknown setting of method unedited 'rate'"),
        (["unedited", "--model", "no/such/folder"], "there is no such folder"),
    ],
)
def test_a_wrong_question_is_one_line_and_exit_code_two(capsys, arguments, words):
    assert run(["check", "method", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_the_command_checks_a_method_on_mini(warm_python, tmp_path, environment):
    """The command itself, from another folder, on the model that ships."""
    command = [warm_python, "-m", "iceb", "check", "method", "token_swap", "--sizes", "1,10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "0 failed, 2 skipped, 3 measured" in done.stdout
    assert list(tmp_path.iterdir()) == []

"""`iceb check dataset|task|measure|metric`: a line for each check; one on stderr and exit code 1 when one fails."""

import json
import subprocess
from dataclasses import replace

import pytest

from iceb.cli.main import run
from iceb.metrics.change import SOURCE_FORGET
from iceb.tasks.aice import AICE
from tests.contract.registering import register  # noqa: F401

PARTS = [("dataset", "aice_embedded"), ("task", "aice"), ("measure", "vit_mini"), ("metric", "edit_score")]


@pytest.mark.parametrize(("noun", "name"), PARTS)
def test_each_noun_is_checked_by_a_command_of_its_own(warm_python, noun, name):
    command = [warm_python, "-m", "iceb", "check", noun, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, total = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} <= {"pass", "skipped", "info"}
    assert lines[0] == "pass     registered and importable"
    assert ", 0 failed, " in total


@pytest.mark.parametrize(("noun", "name"), PARTS)
def test_the_lines_as_json(noun, name, capsys):
    assert run(["check", noun, name, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report[noun] == name
    assert len(report["checks"]) > 10
    assert all(set(row) == {"check", "status", "note", "seconds"} for row in report["checks"])


@pytest.mark.parametrize("noun", ["dataset", "task", "measure", "metric"])
def test_an_unknown_name_is_one_line_and_exit_code_2(noun, capsys):
    assert run(["check", noun, "nope"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"iceb: unknown {noun} 'nope'")


class Crashing:
    """A metric that raises something of its own."""

    name, version, unit, higher_is_better, paper = "crashing", 1, "share", True, ""
    needs, reduction = SOURCE_FORGET.needs, SOURCE_FORGET.reduction

    def __call__(self, measured):
        return measured["sauce"]


def test_a_check_that_fails_is_named_on_stderr(capsys, register):  # noqa: F811
    register("tasks", "turned", replace(AICE, name="turned", edit_counts=(1, 301)))
    assert run(["check", "task", "turned"]) == 1
    captured = capsys.readouterr()
    assert "fail     numbers of edits" in captured.out
    assert captured.err == "iceb: task turned: 1 of 13 checks failed: numbers of edits\n"


def test_a_parts_exception_is_reported_with_its_file_and_line(capsys, register, monkeypatch):  # noqa: F811
    register("metrics", "crashing", Crashing())
    assert run(["check", "metric", "crashing"]) == 1
    captured = capsys.readouterr()
    assert "raised KeyError: 'sauce' (tests/cli/test_check_parts.py:" in captured.out
    assert "Traceback" not in captured.err
    monkeypatch.setenv("ICEB_TRACEBACK", "1")
    assert run(["check", "metric", "crashing"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_path_that_is_no_folder_is_reported_in_its_line(capsys, tmp_path):
    assert run(["check", "dataset", "aice", "--data", str(tmp_path / "none")]) == 1
    captured = capsys.readouterr()
    assert "is not a folder" in captured.out
    assert captured.err.endswith("checks failed: files are the declared ones\n")

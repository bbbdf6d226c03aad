"""`iceb export` on committed results: what it prints, what it refuses in one line, and what it does not import."""

import csv
import subprocess
import sys

import pytest

from iceb.cli.main import run

TIME = "leaderboards/results/aice/time"
ESD = "leaderboards/results/aice/esd"


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_a_file_is_written_and_named_with_the_number_of_its_lines(capsys, tmp_path):
    out = tmp_path / "scores.csv"
    arguments = [
        TIME,
        "--to",
        "csv",
        "-o",
        str(out),
        "--num-edits",
        "10",
        "--num-edits",
        "300",
        "--metric",
        "edit_score",
    ]
    assert run(["export", *arguments]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert capsys.readouterr().out == f"{out}: {len(rows)} scores\n"
    assert {(row["num_edits"], row["metric"]) for row in rows} == {("10", "edit_score"), ("300", "edit_score")}


def test_scores_that_are_left_out_are_printed_with_their_reason(capsys, tmp_path):
    arguments = [ESD, "--to", "eee", "-o", str(tmp_path / "eee"), "--num-edits", "10"]
    assert run(["export", *arguments]) == 0
    said = capsys.readouterr().out
    assert "left out 8 scores:" in said
    assert "source2dest: erases; does not aim at a destination" in said
    assert f"and 3 more, listed in {tmp_path}/eee/export.json" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([TIME, "--to", "latec"], "unknown form of an export 'latec': did you mean latex?"),
        ([TIME, "--to", "hf"], "--hub-dataset '': must be owner/name"),
        ([TIME, "--to", "csv", "--num-edits", "7"], "--num-edits 7: no such run; choose among 1, 10, 50"),
        ([TIME, "--to", "csv", "--metric", "edit"], "unknown metric of these runs 'edit'"),
        ([TIME, "--to", "eee", "--relationship", "friend"], "--relationship 'friend': must be one of first_party"),
        (["nowhere", "--to", "csv"], "nowhere is not there"),
    ],
)
def test_what_is_asked_wrongly_is_told_in_one_line(capsys, tmp_path, arguments, words):
    assert run(["export", *arguments, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_exporting_imports_neither_torch_nor_pandas(tmp_path):
    program = (
        "import sys\nfrom iceb.cli.main import run\n"
        f"code = run(['export', '{TIME}', '--to', 'long-csv', '-o', '{tmp_path}/items.csv', '--num-edits', '1'])\n"
        "heavy = [name for name in ('torch', 'pandas', 'wandb', 'mlflow', 'trackio') if name in sys.modules]\n"
        "sys.exit(code or ', '.join(heavy) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""Benchmarks compare like with like: their own forms give what ours give, and jobs start cold, in turn."""

import json
import sys

import drawing
import emcid_stage1
import main_job
import pytest
from emcid_stage1 import ALONE, LITERAL, TOGETHER, compare, concepts
from stage1_precision import difference, optimise

from iceb.models.bundle import ModelBundle
from iceb.models.sources import find

JOB = """#!/bin/sh
test "$1 $2 $3" = "-m iceb evaluate" || exit 2
while [ $# -gt 0 ]; do
  case "$1" in --cache) cache="$2" ;; --out) out="$2" ;; esac
  shift
done
echo "{name} $(test -e "$cache" && echo warm || echo cold)" >> {log}
mkdir -p "$cache" "$out/aice/uce/1"
echo '{result}' > "$out/aice/uce/1/result.json"
"""


def test_the_literal_form_of_stage_one_gives_the_value_vectors_of_ours():
    found = compare(ModelBundle(find("mini"), "cpu").pipeline, concepts(2), steps=2, batch=2, rounds=1)
    assert found["apart"][LITERAL] == 0
    assert max(found["apart"].values()) < 1e-5
    assert set(found["rounds"][0]) == {LITERAL, ALONE, TOGETHER}


def test_stage_one_prints_a_line_for_each_way(monkeypatch, capsys):
    times = {LITERAL: 6.0, ALONE: 4.0, TOGETHER: 2.0}
    monkeypatch.setattr(emcid_stage1, "compare", lambda *_: {"rounds": [times], "apart": dict.fromkeys(times, 1e-7)})
    monkeypatch.setattr(sys, "argv", ["emcid_stage1.py", "--concepts", "1"])
    emcid_stage1.main()
    assert "3.00 times as fast" in capsys.readouterr().out.splitlines()[-1]


def test_passes_in_bfloat16_move_value_vectors_a_little_and_float32s_not_at_all():
    bundle, work = ModelBundle(find("mini"), "cpu"), concepts(1)
    exact, again, coarse = (optimise(bundle, work, 2, each) for each in ("float32", "float32", "bfloat16"))
    assert difference(again.vectors, exact.vectors) == (0, 0)
    assert 0 < difference(coarse.shifts, exact.shifts)[1] < 0.05


def test_drawing_is_timed_against_diffusers_on_the_same_images(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["drawing.py", "--count", "4", "--rounds", "1"])
    drawing.main()
    printed = capsys.readouterr().out
    assert "diffusers, one text in a call" in printed
    assert int(printed.split("differ from diffusers' by at most ")[1].split()[0]) <= 1


def test_a_ratio_of_drawing_is_the_median_within_rounds():
    rounds = [{"drawn": 1.0, "diffusers": 3.0}, {"drawn": 10.0, "diffusers": 20.0}, {"drawn": 1.0, "diffusers": 9.0}]
    assert drawing.ratio(rounds, "diffusers") == 3.0


@pytest.fixture
def checkouts(tmp_path):
    """Stand-ins for two checkouts' interpreters, and their log."""
    found, log = [], tmp_path / "log"
    for name, value in (("old", 0.25), ("new", 0.5)):
        scores = [{"metric": "edit_score", "version": 1, "value": value}, {"metric": name, "version": 1, "value": 1.0}]
        text = JOB.replace("{name}", name).replace("{log}", str(log))
        python = tmp_path / name
        python.write_text(text.replace("{result}", json.dumps({"scores": scores})))
        python.chmod(0o755)
        found.append(f"{name}={python}")
    return found, log


def test_the_main_job_runs_cold_in_turn_and_its_scores_are_compared(checkouts, capsys):
    asked, log = checkouts
    assert main_job.main([*asked, "--num-edits", "1"]) == 0
    assert log.read_text().split() == ["old", "cold", "new", "cold", "new", "cold", "old", "cold"]
    printed = capsys.readouterr().out
    assert "edit_score@1: +2.50e-01" in printed
    assert "not in both: new@1, old@1" in printed
    assert "new: " in printed


def test_a_main_job_that_fails_ends_the_comparison(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no such task >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SystemExit, match="exit 3, 0 results\nno such task"):
        main_job.main([f"one={broken}"])


def test_a_missing_interpreter_is_refused(capsys):
    with pytest.raises(SystemExit):
        main_job.main(["old=/nowhere/python"])
    assert "old: no such interpreter" in capsys.readouterr().err

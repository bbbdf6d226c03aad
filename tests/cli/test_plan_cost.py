"""`iceb plan --cost` counts what runs cost, and leaves out what nobody stated."""

import json

from typer.testing import CliRunner

from iceb.cli.main import app
from iceb.running.method_work import WORK

ASKED = ["plan", "--cost", "--method", "uce,emcid", "--edits", "10,1000", "--json"]


def costs(*more):
    found = CliRunner().invoke(app, [*ASKED, *more])
    assert found.exit_code == 0, found.output
    return {(each["method"], each["num_edits"]): each for each in json.loads(found.stdout)}


def test_costs_follow_from_speed_and_price_and_are_missing_without():
    found = costs("--tflops", "50", "--price", "2")
    emcid = found["emcid", 10]
    hours = (emcid["edit_flops"] + emcid["draw_flops"]) / 50e12 / 3600
    assert abs(emcid["money"] - 2 * hours) < 1e-9
    assert abs(emcid["edit_hours"] + emcid["draw_hours"] - hours) < 1e-9
    assert found["uce", 10]["edit_flops"] < emcid["edit_flops"] / 100
    assert found["emcid", 1000]["images"]["continued"]
    assert not emcid["images"]["continued"]
    assert emcid["disk_bytes_at_most"] == 3 * 512 * 512 * (emcid["images"]["before"] + emcid["images"]["after"])
    bare = costs()["emcid", 10]
    assert bare["edit_hours"] is None
    assert bare["money"] is None
    assert bare["edit_flops"] == emcid["edit_flops"]


def test_the_table_says_what_is_missing_and_continued():
    found = CliRunner().invoke(app, ["plan", "--cost", "--method", "uce,uce-debias", "--edits", "1000"])
    assert found.exit_code == 0, found.output
    assert "no `--tflops`: no hours; no `--price`: no money" in found.stdout
    assert "uce             1000*" in found.stdout
    assert "note: uce-debias: at most: rounds end once shares are balanced" in found.stdout


def test_a_method_of_unknown_work_says_so(monkeypatch):
    monkeypatch.delitem(WORK, "uce")
    found = CliRunner().invoke(app, ["plan", "--cost", "--method", "uce", "--edits", "1"])
    assert found.exit_code == 0, found.output
    assert "note: uce: its work cannot be told from its settings" in found.stdout

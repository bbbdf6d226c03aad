"""Partial runs and those made elsewhere: no record of a hub holds one, and lines and trackers mark them."""

import csv
import json
import re
from typing import Any

import pyarrow.parquet
import pytest

from iceb.base.errors import SpecError
from iceb.export.asking import ExportAsk
from iceb.export.forms import export
from iceb.export.scored import ScoredRun
from iceb.export.trackers import _config
from iceb.report.site.read_runs import read_runs
from iceb.specs.outside import OutsideRecord

ASK = ExportAsk(hub_dataset="somebody/iceb")
NOT_WHOLE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "limit": ({"status": "partial", "limit": 5}, {"limit": "5"}, "a partial run (at most 5 prompts of each role)"),
    "share": (
        {"status": "partial", "share": 0.25},
        {"share": "0.25"},
        "a partial run (0.25 of the prompts, drawn at random)",
    ),
    "images": (
        {"status": "partial", "outside": OutsideRecord(made_by="images", source="x", before="drawn", missing=("1",))},
        {"outside": "images from elsewhere, those before drawn here"},
        "images from elsewhere, those before drawn here; 1 of the images were not handed in",
    ),
    "requests": (
        {"outside": OutsideRecord(own_requests="mine.json")},
        {"status": "complete", "outside": "own requests (mine.json)"},
        "own requests (mine.json)",
    ),
}


@pytest.fixture(params=NOT_WHOLE)
def not_whole(request, make_result, tmp_path):
    """A folder with one run that is no whole run of its task; its marks, and why it is left out."""
    fields, marks, why = NOT_WHOLE[request.param]
    made = make_result("uce", 10, {"edit_score": 0.2, "source2dest": 0.3}, concepts=12).with_fields(**fields)
    made.save(tmp_path / "not_whole" / "uce.json")
    return tmp_path / "not_whole", {"status": "partial", "limit": "", "share": "", "outside": "", **marks}, why


@pytest.mark.parametrize("form", ["hf", "eee"])
def test_a_hub_gets_no_run_that_is_not_a_whole_one_of_a_task(not_whole, results, tmp_path, form):
    folder, _, why = not_whole
    export([results, folder], form, tmp_path / "out", ASK)
    whole, _ = export([results], form, tmp_path / "whole", ASK)
    named = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    kept = json.loads((tmp_path / "whole" / "export.json").read_text(encoding="utf-8"))
    assert named["files"] == kept["files"]
    assert whole.records == 5
    left = {(each["metric"], each["reason"]) for each in named["left_out"] if each not in kept["left_out"]}
    assert left == {("edit_score", why), ("source2dest", why)}


@pytest.mark.parametrize("form", ["hf", "eee"])
def test_where_no_run_is_a_whole_one_nothing_is_written(not_whole, tmp_path, form):
    folder, _, why = not_whole
    with pytest.raises(SpecError, match=rf"nothing to write.*{re.escape(why)}"):
        export([folder], form, tmp_path / "out", ASK)
    assert not (tmp_path / "out").exists()


def test_lines_of_items_say_so(not_whole, tmp_path):
    folder, marks, _ = not_whole
    export([folder], "long-csv", tmp_path / "items.csv")
    export([folder], "parquet", tmp_path / "items.parquet")
    lines = list(csv.DictReader((tmp_path / "items.csv").read_text(encoding="utf-8").splitlines()))
    assert {tuple(line[name] for name in marks) for line in lines} == {tuple(marks.values())}
    table = pyarrow.parquet.read_table(tmp_path / "items.parquet")
    for name, mark in marks.items():
        assert {"" if each is None else str(each) for each in table.column(name).to_pylist()} == {mark}


def test_a_trackers_configuration_says_so(not_whole):
    folder, marks, _ = not_whole
    ((run,), _) = read_runs([folder])
    config = _config(ScoredRun(run, "uce", run.result.scores))
    assert {name: str(config[name]) for name in marks} == marks

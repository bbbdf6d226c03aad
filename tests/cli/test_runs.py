"""`iceb runs`: one folder of runs, told apart by settings, scores and how they ended."""

import json
from pathlib import Path

import pytest

from iceb.cli.main import run
from iceb.runs.listing import list_runs

FIXTURE = Path(__file__).parents[1] / "fixtures" / "result.json"
CHANGES = {
    "0002-00000001": {"finished": "2026-01-02T03:04:05Z"},
    "0002-00000002": {"finished": "2026-01-03T03:04:05Z", "changed": {"rate": 0.5, "layers": [9, 10]}},
    "0002-00000003": {"finished": "2026-01-01T03:04:05Z", "status": "partial", "limit": 20},
    "0002-00000004": {"finished": "2026-01-04T03:04:05Z", "status": "failed", "error": "the method broke"},
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four finished runs of one method, one that was stopped, and one whose result is cut short."""
    runs = tmp_path / "runs"
    for name, change in CHANGES.items():
        document = json.loads(FIXTURE.read_text(encoding="utf-8"))
        document["id"] = f"aice/emcid/{name}"
        document["provenance"]["finished"] = change["finished"]
        document["method"]["changed"] = change.get("changed", {})
        document |= {key: value for key, value in change.items() if key in ("status", "limit", "error")}
        if change.get("status") == "failed":
            document["scores"] = []
        place = runs / "aice" / "emcid" / name
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(document), encoding="utf-8")
        (place / "plan.txt").write_text("planned\n")
    stopped, damaged = runs / "aice" / "uce" / "0010-aaaaaaaa", runs / "aice" / "uce" / "0010-bbbbbbbb"
    for place in (stopped, damaged):
        place.mkdir(parents=True)
        (place / "plan.txt").write_text("planned\n")
    (damaged / "result.json").write_text('{"schema": 2, ')
    return runs


def test_runs_are_distinguished_by_settings_status_score_and_time(folder, capsys):
    assert run(["runs", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("edit_score ↑")
    (plain,) = [line for line in lines if "00000001" in line]
    assert plain.split() == ["aice/emcid/0002-00000001", "complete", "2026-01-02", "03:04", "+0.250", "±", "0.010"]
    assert "    rate=0.5, layers=[9, 10]" in lines
    assert "    --limit 20" in lines
    assert "    the method broke" in lines
    statuses = [line.split()[1] for line in lines[1:] if not line.startswith(" ")]
    assert statuses == ["partial", "complete", "complete", "failed", "unfinished", "damaged"]


def test_the_list_as_json_holds_the_same_and_the_folders(folder, capsys):
    assert run(["runs", "--json", str(folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in found[:4]] == [f"aice/emcid/0002-0000000{n}" for n in (3, 1, 2, 4)]
    assert found[2]["changed"] == {"rate": 0.5, "layers": [9, 10]}
    assert (found[1]["metric"], found[1]["value"], found[1]["num_edits"]) == ("edit_score", 0.25, 2)
    assert found[3]["value"] is None
    assert all(Path(each["folder"]).is_dir() for each in found)


def test_single_runs_can_be_named_and_each_counts_once(folder):
    one = folder / "aice" / "emcid" / "0002-00000001"
    assert [each.name for each in list_runs([one])] == ["aice/emcid/0002-00000001"]
    assert len(list_runs([folder, one])) == len(list_runs([folder])) == 6


def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["runs"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs is not a folder" in line

"""The files of the offline report: what is read, how runs are grouped, what the page is given. No browser."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import Shape, make_runs

from iceb import registry
from iceb.base.errors import ResultError
from iceb.cli.main import run as command
from iceb.report.site.boards import make_boards
from iceb.report.site.build import write_report
from iceb.report.site.concepts import dataset_requests
from iceb.report.site.read_runs import read_runs
from iceb.report.site.scores import encode_script
from iceb.runs.folder import RESULT, read_result
from iceb.specs.shown_intervals import shown_interval
from iceb.stores.images import ImageStore

LEADERBOARD = Path(__file__).parents[2] / "leaderboards" / "results"


@pytest.fixture(scope="module")
def toy_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Runs of four methods on eleven concepts, and their cache."""
    return make_runs(tmp_path_factory.mktemp("runs"), Shape(concepts=11, each=2))


@pytest.fixture(scope="module")
def site(toy_runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    write_report([toy_runs[0]], folder, toy_runs[1])
    return folder


def data_of(site: Path, name: str) -> Any:
    """What a script of data/ hands to the page."""
    text = (site / "data" / f"{name}.js").read_text(encoding="utf-8")
    found = re.fullmatch(r'Iceb\.data\("[\w-]+",(.*)\);\n', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_scores_on_the_page_are_those_of_the_results(toy_runs, site):
    (board,) = data_of(site, "index")["boards"]
    results = {path.parent.parent.name: read_result(path) for path in toy_runs[0].rglob(RESULT)}
    for row in board["rows"]:
        cell, result = row["cells"]["11"], results[row["method"]]
        for label, (value, stderr, low, *_) in cell["scores"].items():
            score = result.score(label)
            assert score is not None
            found = shown_interval(score, result)
            for shown, known in ((value, score.value), (stderr, score.shown_error), (low, found and found.low)):
                assert shown == (None if known is None else pytest.approx(known, rel=1e-5, abs=1e-9))
        assert cell["command"] == result.provenance.command


def test_nothing_is_ranked_at_a_number_of_edits_that_the_task_does_not_declare(site):
    (board,) = data_of(site, "index")["boards"]
    assert {row["cells"]["11"]["rank"] for row in board["rows"]} == {None}


def test_concepts_average_to_the_score(site):
    (board,) = data_of(site, "index")["boards"]
    images = data_of(site, "aice-1-11")
    for place, row in enumerate(board["rows"]):
        values = images["values"]["source2dest"][str(place)].values()
        mean = sum(change * n for change, _, _, n in values) / sum(n for *_, n in values)
        assert mean == pytest.approx(row["cells"]["11"]["scores"]["source2dest"][0], abs=1e-5)


def test_every_image_named_is_a_file_and_the_ceiling_is_what_the_control_drew(toy_runs, site):
    (board,) = data_of(site, "index")["boards"]
    swap = next(str(place) for place, row in enumerate(board["rows"]) if row["method"] == "prompt_swap")
    prompts = data_of(site, "aice-1-11")["prompts"]
    for text, role, _, _, _, _, images, answers in prompts:
        assert all((site / "images" / name).is_file() for name in images.values())
        assert (images.get("-2") == images[swap]) == (role == "source"), text
        assert set(answers) == set(images)


def test_images_of_a_sensitive_task_are_written_sharp_only_where_that_was_asked(toy_runs, tmp_path, monkeypatch):
    real, sensitive = registry.load, replace(registry.load("tasks", "aice"), sensitive=True)
    monkeypatch.setattr(registry, "load", lambda group, name: sensitive if group == "tasks" else real(group, name))
    files = {}
    for name, options in (("blurred", []), ("both", ["--sharp"])):
        site = tmp_path / name
        assert command(["report", str(toy_runs[0]), "-o", str(site), "--cache", str(toy_runs[1]), *options]) == 0
        files[name] = {path.name for path in (site / "images").rglob("*") if path.is_file()}
    assert all(".blurred." in name for name in files["blurred"])
    assert files["both"] == files["blurred"] | {name.replace(".blurred", "") for name in files["blurred"]}
    (board,) = data_of(tmp_path / "blurred", "index")["boards"]
    assert (board["sensitive"], board["sharp"]) == (True, False)
    named = {
        Path(name) for prompt in data_of(tmp_path / "blurred", "aice-1-11")["prompts"] for name in prompt[6].values()
    }
    assert {f"{each.stem}.blurred{each.suffix}" for each in named} == files["blurred"]


def test_data_cannot_end_its_script():
    text = encode_script("x", {"name": "</script><!--\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text[len('Iceb.data("x",') : -3]) == {"name": "</script><!--\u2028"}


def test_a_leaderboards_results_are_read_with_their_tables():
    runs, left_out = read_runs([LEADERBOARD / "aice" / "time"])
    assert left_out == []
    assert len(runs) == len(list((LEADERBOARD / "aice" / "time").glob("*.json")))
    (board,) = make_boards(runs)
    assert board.unranked == ""


@pytest.mark.parametrize("task", [folder.name for folder in sorted(LEADERBOARD.iterdir())])
def test_concepts_of_every_task_with_rows_have_their_requests(task, tmp_path):
    """Lists that do not hold each other, as of artists, are opened at the result's number of edits."""
    for edits in {
        int(file.stem[:4]): file for file in sorted((LEADERBOARD / task / "unedited").glob("*.json"))
    }.values():
        (run,), _ = read_runs([edits])
        found = dataset_requests(run.result, tmp_path)
        edited = {row.value.concept for row in run.table if row.value.concept.startswith(f"{run.result.task.dataset}/")}
        assert len(found) >= run.result.num_edits
        assert edited <= set(found)


def test_partial_runs_stand_in_a_table_of_their_own_without_ranks(toy_runs, tmp_path):
    document = json.loads(next(toy_runs[0].rglob(RESULT)).read_text(encoding="utf-8"))
    limited = tmp_path / "limited"
    limited.mkdir()
    document |= {"limit": 5, "status": "partial", "per_concept": None, "images": None}
    (limited / RESULT).write_text(json.dumps(document), encoding="utf-8")
    runs, _ = read_runs([toy_runs[0], limited])
    whole, part = make_boards(runs)
    assert "partial (at most 5 prompts of each role)" in part.unranked
    assert whole.unranked == ""


def test_a_damaged_run_is_left_out_and_named(toy_runs, tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / RESULT).write_text("{", encoding="utf-8")
    site = tmp_path / "site"
    arguments = ["report", str(toy_runs[0]), str(tmp_path / "bad"), "-o", str(site), "--cache", str(toy_runs[1])]
    assert command(arguments) == 0
    said = capsys.readouterr().out
    assert f"left out {tmp_path / 'bad' / RESULT}" in said
    assert "4 runs in 1 table" in said
    assert data_of(site, "index")["leftOut"][0]["name"].endswith("bad/result.json")
    assert command(arguments) == 0  # an earlier report is written anew


def test_a_folder_with_other_files_is_refused(toy_runs, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("mine")
    assert command(["report", str(toy_runs[0]), "-o", str(tmp_path)]) == 2
    assert "holds files that are no report: name another folder with --out" in capsys.readouterr().err
    assert command(["report", str(tmp_path / "nothing")]) == 2
    with pytest.raises(ResultError, match="no finished run"):
        read_runs([tmp_path])


def test_images_that_were_removed_are_counted(toy_runs, tmp_path):
    written = write_report([toy_runs[0]], tmp_path / "site", tmp_path / "empty-cache")
    images = data_of(tmp_path / "site", "aice-1-11")
    assert written.images == 0
    assert images["missing"] == written.missing > 50
    assert set(images["prompts"][0][6].values()) == {None}
    assert not ImageStore(tmp_path / "empty-cache").folder.exists()

"""Tables hold only comparable rows, ties share ranks, pages are byte-stable, unfit results are refused."""

import itertools
from pathlib import Path

import pytest

from iceb.base.errors import CheckFailed, ResultError, StoreError
from iceb.leaderboard.changed import changed_settings
from iceb.leaderboard.collect import collect, place, refusal
from iceb.leaderboard.pages import Added, add_all, check, page_name, pages, rendered, write
from iceb.leaderboard.published import parse
from iceb.leaderboard.rank import tables
from iceb.leaderboard.render import render

GOLDEN = Path(__file__).parents[1] / "golden" / "leaderboard.md"


def saved(folder, *results):
    for one in results:
        path = folder / "results" / place(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.to_json(), encoding="utf-8")
    return folder


OTHER = {"residual": "output", "captions": f"sha256:{'ab' * 32}"}


def added(folder, *sources, task=None) -> Added:
    (folder / "results").mkdir(exist_ok=True)
    return add_all(folder, sources, lambda name: task)


def files_in(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(folder, name, one) -> Path:
    path = folder / name / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(one.to_json(), encoding="utf-8")
    return path


def small_table(result):
    return [
        result("emcid", 1, {"edit_score": 0.30, "holdout_delta": -0.01}),
        result("emcid", 10, {"edit_score": 0.20, "holdout_delta": None}),
        result("uce", 10, {"edit_score": 0.19, "holdout_delta": -0.20}, package="uce-iceb", params={"ridge": 0.5}),
        result("esd", 10, {"edit_score": 0.10, "holdout_delta": -0.00001}),
        result("unedited", 10, {"edit_score": 0.0, "holdout_delta": 0.0}, paper=""),
        result("emcid", 10, {"edit_score": 0.05, "holdout_delta": 0.0}, params=OTHER, changed=OTHER),
        result("speed", 10, {"edit_score": None, "holdout_delta": -0.1}, reaches_dest=False),
    ]


def test_a_row_whose_settings_are_not_the_recipes_says_so_in_its_name(result, task):
    """Also where the run itself recorded nothing changed: the recipe may be another one since."""
    own = {"residual": "stream", "layers": (10,), "rate": 2.0, "esd_scale": 1.0}
    other = {**own, "residual": "output"}
    some = [result("emcid", 10, params=own, changed=own), result("emcid", 10, params=other, changed={})]
    text = render("t", tables(some, task))
    assert "| 1 | emcid | 0.250" in text
    assert "| 1 | emcid (residual=output) | 0.250" in text
    assert "- **emcid (residual=output)** version 1" in text


def test_settings_that_no_recipe_names_are_compared_with_the_defaults(result):
    params = {"keys": False, "ridge": 0.5}
    assert changed_settings(result("uce-emcid", params={**params, "ridge": 0.1}, changed={})) == {"keys": False}
    assert changed_settings(result("uce-emcid", params=params, changed={"keys": False})) == params


def test_of_a_method_that_is_not_installed_the_settings_stand_that_its_run_recorded(result):
    found = result("far", package="far-away", params={"a": 1, "b": 2}, changed={"b": 2})
    assert changed_settings(found) == {"b": 2}


def test_an_eraser_has_no_rank_and_a_dash_where_a_metric_asks_for_the_destination(result, task):
    (table,) = tables(small_table(result), task)
    assert [entry.rank for entry in table.ranked if entry.row.method == "speed"] == [None]
    assert "| – | speed | – | – |" in render("t", [table])


def test_rows_within_one_standard_error_share_a_rank_and_controls_have_none(result, task):
    (table,) = tables(small_table(result), task)
    found = [(entry.rank, entry.row.method) for entry in table.ranked]
    assert found == [(1, "emcid"), (1, "uce"), (3, "esd"), (4, "emcid"), (None, "speed"), (None, "unedited")]


def test_the_page_does_not_depend_on_the_order_of_the_results(result, task):
    some = small_table(result)[:5]
    texts = {render("t", tables(list(order), task)) for order in itertools.permutations(some)}
    assert len(texts) == 1


def test_the_page_is_the_golden_page(result, task):
    text = render("Arbitrary ImageNet Concept Editing (aice) on mini", tables(small_table(result), task))
    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [{"steps": 20}, {"data": "0" * 64}, {"scores": {"source2dest": 0.1}}])
def test_results_that_differ_in_identity_never_share_a_table(result, task, change):
    assert len(tables([result("emcid"), result("uce", **change)], task)) == 2


def test_results_of_another_task_version_are_refused(result, task):
    other = result()
    other = other.model_copy(update={"task": other.task.model_copy(update={"version": 2})})
    with pytest.raises(ResultError, match="version 2"):
        tables([other], task)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"limit": 3}, "partial"),
        ({"dirty": True}, "uncommitted"),
        ({"error": "disk full"}, "failed"),
        ({"scores": {"alias2dest": None}}, "no metric has a value"),
    ],
)
def test_an_unfit_result_is_refused_with_its_reason(result, tmp_path, change, word):
    unfit = result(**change)
    assert word in (refusal(unfit) or "")
    source = tmp_path / "result.json"
    source.write_text(unfit.to_json())
    with pytest.raises(ResultError, match=word):
        added(tmp_path, source)
    with pytest.raises(ResultError, match=word):
        collect(saved(tmp_path / "boards", unfit) / "results")


def test_a_result_in_the_wrong_place_is_refused(result, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "mine.json").write_text(result().to_json())
    with pytest.raises(ResultError, match="move it to"):
        collect(folder)


def test_a_result_edited_by_hand_is_refused(result, tmp_path):
    folder = saved(tmp_path, result())
    path = folder / "results" / place(result())
    path.write_text(path.read_text().replace('"edit_seconds": 12.5', '"edit_seconds":  12.5'))
    with pytest.raises(ResultError, match="edited by hand"):
        collect(folder / "results")


def test_adding_twice_changes_nothing_and_other_numbers_are_refused(result, task, tmp_path):
    source = tmp_path / "result.json"
    source.write_text(result().to_json())
    (target,) = added(tmp_path, source, task=task).results
    again = added(tmp_path, source, task=task)
    assert (again.results, again.pages) == ((target,), ())
    assert target.read_text() == result().to_json()
    source.write_text(result(scores={"edit_score": 0.9}).to_json())
    with pytest.raises(ResultError, match="other numbers"):
        added(tmp_path, source, task=task)


def test_of_many_results_the_partial_ones_are_skipped_with_a_line_and_the_page_is_written(result, task, tmp_path):
    boards = tmp_path / "boards"
    (boards / "results").mkdir(parents=True)
    good, partial = result("emcid", 10), result("emcid", 10, limit=3)
    sources = [written(tmp_path, "a", good).parent, written(tmp_path, "b", partial)]
    found = added(boards, *sources, task=task)
    assert found.results == (boards / "results" / place(good),)
    assert found.skipped == (f"skipped {sources[1]}: {refusal(partial)}",)
    assert boards / "aice.md" in found.pages
    assert "| 1 | emcid |" in (boards / "aice.md").read_text(encoding="utf-8")
    with pytest.raises(ResultError, match="nothing to add"):
        added(boards, sources[1], written(tmp_path, "c", result(limit=4)), task=task)


@pytest.mark.parametrize("fault", ["dirty", "two of one cell", "the page cannot be written"])
def test_results_are_added_all_or_none(result, task, tmp_path, monkeypatch, fault):
    boards = tmp_path / "boards"
    added(boards.parent, task=task)
    (boards / "results").mkdir(parents=True)
    good = written(tmp_path, "a", result("emcid", 10))
    other = result("uce", 10, dirty=True) if fault == "dirty" else result("uce", 10)
    if fault == "two of one cell":
        other = result("emcid", 10).model_copy(update={"id": "aice/emcid/0010-ffffffff"})
    if fault == "the page cannot be written":
        monkeypatch.setattr("iceb.leaderboard.pages.write", lambda *_: (_ for _ in ()).throw(StoreError("no space")))
    before = files_in(boards)
    with pytest.raises((ResultError, StoreError)):
        added(boards, good, written(tmp_path, "b", other), task=task)
    assert files_in(boards) == before


def test_check_passes_after_writing_and_names_what_drifted(result, task, tmp_path, monkeypatch):
    monkeypatch.setattr("iceb.leaderboard.pages.published", list)
    folder = saved(tmp_path, *small_table(result))
    texts = rendered(folder, lambda name: task)
    with pytest.raises(CheckFailed, match=r"aice\.md is missing"):
        check(folder, texts)
    assert write(folder, texts) == [folder / "aice.md"]
    assert write(folder, texts) == []
    check(folder, texts)
    page = folder / "aice.md"
    page.write_text(page.read_text().replace("0.300", "0.900"))
    with pytest.raises(CheckFailed, match="differs from its results"):
        check(folder, texts)
    write(folder, texts)
    (folder / "old.md").write_text("left")
    with pytest.raises(CheckFailed, match=r"old\.md is made by no result"):
        check(folder, texts)


PAPER = """
paper = "arXiv:1"
title = "A paper"
task = "aice"
family = "sd14"
figure = "Figure 3"
how_read = "by eye"
protocol = "50 steps"
unit = "probability"
rows = [
  {method = "EMCID", num_edits = 10, metric = "m", value = 0.25, uncertainty = 0.004, evidence = "", verified = true},
  {method = "UCE", num_edits = 50, metric = "m", value = 0.5, evidence = "printed", verified = false, note = "hidden"},
]
"""


def test_published_numbers_make_a_page_of_their_own(task):
    texts = pages([], [parse(PAPER, "p.toml")], lambda name: task)
    assert list(texts) == [page_name("aice", "sd14")]
    text = texts["aice-sd14.md"]
    assert "| EMCID | 0.250 ± 0.004 | – |" in text
    assert "| UCE | – | 0.500 * |" in text
    assert "- UCE, m at 50 edits: hidden" in text
    assert "Figure 3" in text
    assert "by eye" in text


@pytest.mark.parametrize("bad", ["paper = ", PAPER.replace("figure", "fig"), PAPER.replace("0.25,", '"a",')])
def test_a_damaged_published_file_is_named(bad):
    with pytest.raises(ResultError, match=r"published/p\.toml"):
        parse(bad, "p.toml")

"""Scores of a finished run: a metric that it had not is added to its files, and nothing else of them changes."""

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import toy
from PIL import Image

from iceb.base.errors import IcebError, ResultError, SpecError, StoreError
from iceb.metrics.change import EDIT_SCORE, HOLDOUT_DELTA, SOURCE2DEST, SOURCE_FORGET, ProbabilityChange
from iceb.running.rescore import rescore
from iceb.running.run_folder import run
from iceb.running.scoring import RegisteredMetric
from iceb.runs.folder import read_result
from iceb.runs.table import TABLE, read_table
from iceb.specs.datasets import ReferenceImages
from iceb.specs.metrics import AFTER, Need
from iceb.specs.reduction import VALUE, ConceptValue, Reduction, set_reduction

HAD = (EDIT_SCORE, SOURCE2DEST)
ELSEWHERE = ProbabilityChange("elsewhere", role="alias", of="label", falls=True)
METRICS = {metric.name: metric for metric in (*HAD, HOLDOUT_DELTA, SOURCE_FORGET, ELSEWHERE)}


def registered_metric(name):
    """The metric of a name, with or without its package."""
    return RegisteredMetric({**METRICS, "distance": Distance()}[name.rpartition("/")[2]], "iceb")


@pytest.fixture
def finished_run(drawn_cache, tiny_sd_folder, tmp_path, monkeypatch):
    """A run with two metrics; its folder, its cache, and how many images its measure looks at from now on."""
    plan = toy.make_plan(tiny_sd_folder, drawn_cache, metrics=HAD)
    _, path = run(plan, tmp_path / "out")
    judge = plan.parts.scorer.measures["imagenet_classifier"]
    judge.seen.clear()
    monkeypatch.setattr("iceb.running.rescore.used_measures", lambda *_: {"imagenet_classifier": judge})
    monkeypatch.setattr("iceb.running.rescore.registered_metric", registered_metric)
    return path.parent, tmp_path / "cache", judge.seen


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_metrics_again_are_the_same_scores_and_change_no_file(finished_run):
    folder, cache, seen = finished_run
    before = files(folder)
    assert rescore(folder, cache=cache).scores == read_result(folder / "result.json").scores
    assert rescore(folder, ["edit_score"], cache).scores[0].metric == "edit_score"
    assert files(folder) == before
    assert seen == []


def test_a_metric_is_added_to_the_result_and_its_table_and_the_rest_stays(finished_run, tiny_sd_folder, tmp_path):
    folder, cache, seen = finished_run
    before, was = files(folder), read_result(folder / "result.json")
    added = rescore(folder, ["source_forget"], cache)
    after, now = files(folder), read_result(folder / "result.json")
    assert added == now
    assert {name for name in before if before[name] != after[name]} == {"result.json", TABLE}
    assert now.scores[: len(was.scores)] == was.scores
    assert now.score("source_forget").n == 24
    rows = read_table(folder / TABLE, now.per_concept)
    assert rows[: was.per_concept.rows] == [row for row in rows if row.metric != "source_forget"]
    assert seen == []
    old, new = (json.loads(text["result.json"]) for text in (before, after))
    changed = {key for key in old if old[key] != new[key]}
    assert changed == {"scores", "per_concept"}

    plan = toy.make_plan(tiny_sd_folder, tmp_path / "other", metrics=(*HAD, SOURCE_FORGET))
    together, _ = run(plan, tmp_path / "together")
    assert together.score("source_forget") == now.score("source_forget")
    assert together.id == now.id


def test_a_metric_that_was_added_is_the_runs_own_from_then_on(finished_run):
    folder, cache, _ = finished_run
    rescore(folder, ["source_forget"], cache)
    before = files(folder)
    assert [score.metric for score in rescore(folder, cache=cache).scores] == [
        "edit_score",
        "source2dest",
        "source_forget",
    ]
    rescore(folder, ["source_forget"], cache)
    assert files(folder) == before


def test_images_that_the_run_did_not_draw_are_asked_for_by_name(finished_run):
    folder, cache, _ = finished_run
    before = files(folder)
    with pytest.raises(SpecError, match=r"elsewhere reads alias images .* run it again with `metrics=elsewhere`"):
        rescore(folder, ["elsewhere"], cache)
    assert files(folder) == before


def test_images_of_another_cache_are_asked_for_with_the_command_that_drew_them(finished_run, tmp_path):
    folder, _, _ = finished_run
    with pytest.raises(StoreError, match=r"images of this run are not in the cache .*empty.*: name the `cache` .*iceb"):
        rescore(folder, ["holdout_delta"], cache=tmp_path / "empty")


def test_a_table_that_was_changed_is_not_added_to(finished_run):
    folder, cache, _ = finished_run
    (folder / TABLE).write_bytes((folder / TABLE).read_bytes() + b"x")
    before = files(folder)
    with pytest.raises(ResultError, match="one of the two was changed"):
        rescore(folder, ["source_forget"], cache)
    assert files(folder) == before


@pytest.mark.usefixtures("drawn_cache")
def test_a_failed_run_says_so(tiny_sd_folder, tmp_path):
    result = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")[1]
    document = json.loads(result.read_text())
    document.update(status="failed", error="the method broke", scores=[], per_concept=None)
    result.write_text(json.dumps(document))
    (result.parent / "images.jsonl").unlink()
    with pytest.raises(IcebError, match=r"failed \(the method broke\): only a finished run has images to score"):
        rescore(result, cache=tmp_path / "cache")


@dataclass(frozen=True)
class Distance:
    """How far images lie from a reference folder's mean; a metric that reads images which no model drew."""

    name: str = "distance"
    version: int = 1
    unit: str = "distance"
    higher_is_better: bool = False
    paper: str = ""
    needs: ClassVar[tuple[Need, ...]] = (Need("imagenet_classifier", "holdout", (AFTER, "reference:photos")),)
    reduction: ClassVar[Reduction] = set_reduction("after")

    def __call__(self, measured):
        drawn, photos = (measured["holdout"][side].values.mean(axis=0) for side in (AFTER, "reference:photos"))
        return (ConceptValue("all", VALUE, None, float(abs(drawn - photos).sum()), 24),)


def test_a_metric_that_reads_a_reference_finds_it_in_the_runs_dataset(tiny_sd_folder, tmp_path, monkeypatch):
    grey = np.full((32, 32, 3), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    dataset = toy.Toy()
    dataset.references = lambda: [ReferenceImages("photos", (tmp_path / "grey.png",))]
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", dataset=dataset, metrics=(HOLDOUT_DELTA, Distance()))
    result, path = run(plan, tmp_path / "out")
    monkeypatch.setattr("iceb.running.rescore.open_dataset", lambda name, *_: {"aice": dataset}[name])
    monkeypatch.setattr("iceb.running.rescore.used_measures", lambda *_: plan.parts.scorer.measures)
    monkeypatch.setattr("iceb.running.rescore.registered_metric", registered_metric)
    assert result.score("distance").value > 0
    assert rescore(path, cache=tmp_path / "cache").scores == result.scores

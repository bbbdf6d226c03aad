"""A measure that fails on an image: counted, left out on both sides, tried anew, and withheld where there are many."""

import json
import re

import numpy as np
import pytest
import torch
import toy

from iceb.base.errors import IcebError
from iceb.cli.report import summary
from iceb.leaderboard.filed_result import read_filed
from iceb.running.run_folder import run
from iceb.runs.ledger import read_ledger
from iceb.stores.images import ImageStore


@pytest.fixture(scope="module")
def reference(tiny_sd_folder, tmp_path_factory):
    """A run with a measure that works."""
    folder = tmp_path_factory.mktemp("reference")
    result, path = run(toy.make_plan(tiny_sd_folder, folder / "cache"), folder / "out")
    return folder, result, path


def measuring_with(fault, monkeypatch):
    """Replace what the toy run's measure gives."""
    monkeypatch.setattr(toy.Corners, "__call__", fault)
    monkeypatch.setattr(toy.Corners, "revision", fault.__name__)


@pytest.mark.parametrize("fault", ["numbers", "crash"])
def test_a_measure_that_fails_on_every_image_withholds_the_score(
    reference, tiny_sd_folder, tmp_path, fault, monkeypatch
):
    folder, _, _ = reference

    def numbers(self, inputs):
        return torch.full((len(inputs), 4), float("nan")).numpy()

    def crash(self, inputs):
        return 1 / 0

    measuring_with({"numbers": numbers, "crash": crash}[fault], monkeypatch)
    result, _ = run(toy.make_plan(tiny_sd_folder, folder / "cache"), tmp_path)
    assert {(score.value, score.n) for score in result.scores} == {(None, 0)}
    assert [score.failed for score in result.scores] == [48, 24, 24]
    reason = {"numbers": "corners@1 gave NaN or infinity", "crash": "corners@1 raised ZeroDivisionError"}[fault]
    for score in result.scores:
        assert score.withheld
        assert re.match(r"withheld: 24 of 24 images of \w+ could not be measured, more than 5 %", score.note)
        assert reason in score.note


def test_rows_of_another_shape_end_the_run(reference, tiny_sd_folder, tmp_path, monkeypatch):
    folder, _, _ = reference

    def shape(self, inputs):
        return torch.ones(len(inputs)).numpy()

    measuring_with(shape, monkeypatch)
    plan = toy.make_plan(tiny_sd_folder, folder / "cache")
    with pytest.raises(IcebError, match=r"measure corners@1 gave shape"):
        run(plan, tmp_path)
    assert json.loads((tmp_path / plan.spec.id / "result.json").read_text())["scores"] == []


def test_an_image_that_cannot_be_measured_is_left_out_on_both_sides(reference, tiny_sd_folder, tmp_path, monkeypatch):
    """One of 24 holdout images: the others' score is what it was without it, and the next run tries it anew."""
    folder, whole, path = reference
    measured = toy.Corners.__call__
    (victim, *_) = [row for row in read_ledger(path.parent, whole.images) if row.prompt.role == "holdout"]
    pixels = ImageStore(folder / "cache").read(victim.after)

    def one(self, inputs):
        if any(np.array_equal(each.image, pixels) for each in inputs):
            raise ValueError("not this one")
        return measured(self, inputs)

    measuring_with(one, monkeypatch)
    found, _ = run(toy.make_plan(tiny_sd_folder, folder / "cache"), tmp_path)
    delta, before = found.score("holdout_delta"), whole.score("holdout_delta")
    assert (delta.failed, delta.n, before.n) == (1, 23, 24)
    assert "raised ValueError: not this one" in delta.failed_why
    assert found.score("source2dest").failed == 0
    assert found.score("source2dest").value == whole.score("source2dest").value
    assert abs(delta.value - before.value) < 0.2
    monkeypatch.setattr(toy.Corners, "__call__", measured)
    again, _ = run(toy.make_plan(tiny_sd_folder, folder / "cache"), tmp_path)
    assert (again.score("holdout_delta").failed, again.score("holdout_delta").n) == (0, 24)


def test_a_result_with_failed_images_is_accepted_and_shows_them(
    reference, tiny_sd_folder, tmp_path, monkeypatch, capsys
):
    folder, _, _ = reference

    def crash(self, inputs):
        raise ValueError("no image at all")

    measuring_with(crash, monkeypatch)
    result, path = run(toy.make_plan(tiny_sd_folder, folder / "cache"), tmp_path)
    assert read_filed(path).result == result
    summary(result)
    printed = capsys.readouterr().out
    assert "failed" in printed
    assert re.search(r"withheld: 24 of 24 images of \w+ could not be measured, more than 5 %", printed)

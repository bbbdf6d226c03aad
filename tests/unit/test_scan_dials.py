"""The scan of mini's dials: scaled copies, the record of points, and the page made of them."""

import numpy as np
import pytest

from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.families import FAMILIES
from iceb.models.sources import find, shipped_folder
from tools.comparison.dial_page import DIALS, curve, page_text
from tools.comparison.points import Point, Setting, has_point, read_points, write_points
from tools.dials import published_numbers
from tools.mini.rescaled import pipeline_norms, rescaled_copy
from tools.mini.scaling import SHIPPED
from tools.scan_dials import PAGE, shipped_setting

MINI = Setting(weights="a" * 12, inner_width=640, final=84.0, stream=53.0)


def point(method="uce", num_edits=10, *, edited=0.5, holdout=-0.25, **dials):
    setting = MINI.model_copy(update=dials)
    return Point(
        setting=setting,
        method=method,
        num_edits=num_edits,
        edited=edited,
        holdout=holdout,
        edit_seconds=1.0,
        commit=None,
    )


@pytest.fixture(scope="module")
def shipped_pipeline():
    return shipped_folder(FAMILIES["mini"])


@pytest.fixture(scope="module")
def copy(shipped_pipeline, tmp_path_factory):
    return rescaled_copy(shipped_pipeline, find("mini").ref.revision, tmp_path_factory.mktemp("copies"), 28.0, 212.0)


def test_a_copy_has_the_norms_that_were_asked_for(copy, tmp_path):
    norms = pipeline_norms(copy, tmp_path)
    assert (norms.final, norms.stream) == (pytest.approx(28.0, rel=1e-3), pytest.approx(212.0, rel=1e-3))


def images_of(model: str):
    bundle = ModelBundle(find(model), "cpu")
    drawn = seeded_images(bundle, ["a photo of tench", "a red castle"], [1, 2], FAMILIES["mini"].sampling)
    return np.stack(list(drawn)).astype(int)


def test_a_copy_draws_the_same_images(copy):
    assert np.abs(images_of("mini") - images_of(str(copy))).mean() <= 1  # of 255; both are stored in half precision


def test_the_shipped_weights_have_the_declared_norms(shipped_pipeline, tmp_path):
    norms = pipeline_norms(shipped_pipeline, tmp_path)
    assert (norms.final, norms.stream) == (
        pytest.approx(SHIPPED.final, rel=1e-3),
        pytest.approx(SHIPPED.stream, rel=1e-3),
    )


def test_a_record_is_read_as_it_was_written(tmp_path):
    points = [point(), point("emcid", 50, final=28.0)]
    write_points(points, tmp_path / "points.json")
    assert sorted(read_points(tmp_path / "points.json"), key=str) == sorted(points, key=str)
    assert has_point(points, MINI, "uce", 10)
    assert not has_point(points, MINI, "uce", 50)


def test_a_curve_holds_the_other_dials_as_shipped():
    points = [point(), point(final=28.0), point(final=140.0, stream=26.0), point(inner_width=2048)]
    final, stream, width = DIALS
    assert list(curve(final, points, MINI)) == [28.0, 84.0]
    assert list(curve(stream, points, MINI)) == [53.0]
    assert list(curve(width, points, MINI)) == [640, 2048]


def test_a_value_shows_its_mean_distance_from_the_published_numbers():
    published = published_numbers()
    edited, holdout = published["UCE", 10, "edited"], published["UCE", 10, "holdout"]
    at = [point(edited=edited, holdout=holdout + 0.1), point(edited=edited + 0.1, holdout=holdout + 0.3, final=28.0)]
    text = page_text(at, MINI, published)
    assert "| 28 | 0.200 | – |\n| 84 (shipped) | 0.050 | – |" in text


def test_a_value_that_lacks_a_point_has_no_mean_distance():
    at = [point(), point("time"), point(final=28.0)]
    assert "| 28 | – | – |" in page_text(at, MINI, published_numbers())


def test_at_the_shipped_value_only_the_shipped_weights_count():
    points = [point(edited=0.5), point(edited=0.9, weights="b" * 12)]
    (found,) = curve(DIALS[2], points, MINI).values()
    assert [each.edited for each in found.values()] == [0.5]


def test_the_committed_page_is_the_record_s():
    points = read_points()
    assert PAGE.read_text(encoding="utf-8") == page_text(points, shipped_setting(), published_numbers())
    assert {each.method for each in points} == {"emcid", "uce", "time", "refact", "esd"}

"""A measure that is shown too many images at once is shown fewer, and the numbers are the same."""

import numpy as np
import pytest

from iceb.base.errors import ModelError
from iceb.models.memory import PassSize
from iceb.running.measure_attempts import FailedRow
from iceb.running.measuring import MeasuredImage, Measuring
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


class Mean:
    """The mean of each image, on a device with room for some."""

    id, revision, inputs = "mean@1", "1", "image"

    def __init__(self, room, error="CUDA out of memory"):
        self.room, self.error, self.asked = room, error, []

    def __call__(self, inputs):
        self.asked.append(len(inputs))
        if len(inputs) > self.room:
            raise RuntimeError(self.error)
        return np.array([[each.image.mean()] for each in inputs], np.float32)


@pytest.fixture
def images(tmp_path):
    """Seven images in a store."""
    store = ImageStore(tmp_path)
    keys = [f"{place:064x}" for place in range(7)]
    for place, key in enumerate(keys):
        store.save(key, np.full((8, 8, 3), place, np.uint8), {})
    return store, [MeasuredImage(key, Prompt("a", place, "source")) for place, key in enumerate(keys)]


def measure_images(images, measure, folder, size=8):
    store, wanted = images
    measuring = Measuring(store, MeasuredStore(folder), "cuda", together=PassSize("images_per_pass", size))
    rows = measuring.rows(measure, wanted)
    return [float(rows[image.key(measure)][0]) for image in wanted]


@pytest.mark.parametrize("room", [1, 2, 3, 7])
def test_out_of_memory_halves_what_a_measure_is_shown(images, tmp_path, room):
    measure = Mean(room)
    assert measure_images(images, measure, tmp_path) == list(range(7))
    assert max(asked for asked in measure.asked[-2:]) <= room


def test_too_little_memory_for_one_image_is_reported(images, tmp_path):
    with pytest.raises(ModelError, match="out of memory with `images_per_pass` 8, 4, 2, 1"):
        measure_images(images, Mean(0), tmp_path)


def outcomes(images, measure, folder):
    store, wanted = images
    rows = Measuring(store, MeasuredStore(folder), "cuda").rows(measure, wanted)
    return [rows[image.key(measure)] for image in wanted]


def test_a_failed_batch_is_tried_image_by_image(images, tmp_path):
    """With room for two and another error than memory's, images fail together and not alone."""
    assert [float(row[0]) for row in outcomes(images, Mean(2, "shapes differ"), tmp_path)] == list(range(7))


def test_an_image_that_fails_alone_has_the_reason_and_no_row(images, tmp_path):
    (first, *_) = outcomes(images, Mean(0, "shapes differ"), tmp_path)
    assert "measure mean@1 raised RuntimeError: shapes differ" in first.reason


class Broken(Mean):
    """Not finite for images 5 and 6 of 7."""

    def __call__(self, inputs):
        return np.array([[np.nan if each.image.mean() > 4 else 1.0] for each in inputs], np.float32)


def test_numbers_that_are_not_finite_are_failures_of_their_images(images, tmp_path):
    found = outcomes(images, Broken(7), tmp_path)
    assert [isinstance(row, FailedRow) for row in found] == [False] * 5 + [True] * 2
    assert found[-1].reason == "measure mean@1 gave NaN or infinity"


def test_a_failure_is_not_stored_and_is_tried_anew(images, tmp_path):
    outcomes(images, Broken(7), tmp_path)
    again = Mean(7)
    assert [float(row[0]) for row in outcomes(images, again, tmp_path)] == [1.0] * 5 + [5.0, 6.0]
    assert again.asked == [2]


def test_weights_that_cannot_be_loaded_end_the_run(images, tmp_path):
    class Absent(Mean):
        def __call__(self, inputs):
            raise ModelError("cannot load the classifier")

    with pytest.raises(ModelError, match="cannot load the classifier"):
        outcomes(images, Absent(7), tmp_path)

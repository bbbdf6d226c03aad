"""A measure that is shown too many images at once is shown fewer, and the numbers are the same."""

import numpy as np
import pytest

from iceb.base.errors import MeasureError, ModelError
from iceb.models.memory import PassSize
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


def test_other_failures_of_a_measure_pass_through(images, tmp_path):
    with pytest.raises(MeasureError, match="measure mean@1 raised RuntimeError: shapes differ"):
        measure_images(images, Mean(2, "shapes differ"), tmp_path)


def test_numbers_that_are_not_finite_are_counted(images, tmp_path):
    class Broken(Mean):
        def __call__(self, inputs):
            return np.array([[np.nan if each.image.mean() > 4 else 1.0] for each in inputs], np.float32)

    with pytest.raises(MeasureError, match="measure mean@1 gave NaN or infinity for 2 of 7 images"):
        measure_images(images, Broken(7), tmp_path)

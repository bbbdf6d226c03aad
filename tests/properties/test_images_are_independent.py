"""An image's bytes depend on its own text, seed and model, and on nothing that happens around it."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb.models.generator import Generator
from iceb.specs.prompts import Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore

SAMPLING = Sampling("ddim", 2, 4.0, 32, 32)
COUNT = 21  # more than one pass, and no multiple of it
PROMPTS = [
    Prompt(f"a photo of {'a very old ' * (index % 3)}thing {index % 5}", index, "source") for index in range(COUNT)
]


@pytest.fixture(scope="module")
def reference(tiny_sd, tmp_path_factory):
    """Every image as drawn in one call: key → bytes of the file."""
    store = ImageStore(tmp_path_factory.mktemp("reference"))
    keys = Generator(store).draw(tiny_sd, PROMPTS, SAMPLING)
    assert len(set(keys)) == COUNT
    return {key: store.path(key).read_bytes() for key in keys}


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(COUNT)), parts=st.lists(st.integers(1, 9), max_size=3))
def test_images_do_not_depend_on_order_or_interruption(tiny_sd, reference, order, parts):
    """Drawn in any order, cut anywhere into calls (an interrupted run that goes on)."""
    with tempfile.TemporaryDirectory() as folder:
        store = ImageStore(Path(folder))
        wanted = [PROMPTS[index] for index in order]
        for part in [*parts, COUNT]:
            keys = Generator(store).draw(tiny_sd, wanted[:part], SAMPLING)
        assert set(keys) == set(reference)
        for key in keys:
            assert store.path(key).read_bytes() == reference[key]


def test_a_second_call_draws_nothing(tiny_sd, tmp_path):
    store = ImageStore(tmp_path)
    first = Generator(store)
    keys = first.draw(tiny_sd, PROMPTS[:3], SAMPLING)
    again = Generator(ImageStore(tmp_path))
    assert again.draw(tiny_sd, PROMPTS[:3], SAMPLING) == keys
    assert (first.tally.drawn, again.tally.drawn, again.tally.reused) == (3, 0, 3)


def test_the_same_prompt_twice_is_drawn_once(tiny_sd, tmp_path):
    generator = Generator(ImageStore(tmp_path))
    keys = generator.draw(tiny_sd, [PROMPTS[0], PROMPTS[1], PROMPTS[0]], SAMPLING)
    assert keys[0] == keys[2] != keys[1]
    assert generator.tally.drawn == 2


def test_a_stored_image_is_the_drawn_one(tiny_sd, tmp_path):
    from iceb.models.drawing import initial_latents, texts_to_images

    store = ImageStore(tmp_path)
    key = Generator(store).draw(tiny_sd, PROMPTS[:1], SAMPLING)[0]
    drawn = texts_to_images(tiny_sd, [PROMPTS[0].text], initial_latents(tiny_sd, [0], SAMPLING), SAMPLING)
    assert np.array_equal(store.load(key), drawn[0])

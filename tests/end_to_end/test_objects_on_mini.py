"""Destinations of the embedded objects: no object is found in the image that it is to become."""

import numpy as np
import pytest

from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.objects import SENTENCE
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.sources import find
from iceb.registry import load
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt

IMAGES = 6
MOST = 0.1  # mean probability among all ten that an object may have in its destination


@pytest.fixture(scope="module")
def objects():
    return open_dataset("objects", EMBEDDED).objects


def found_in(bundle, scene, choices):
    """The mean probability of each choice in images of a scene, as object_acc_e has it."""
    text = SENTENCE.replace("{}", scene)
    images = seeded_images(bundle, [text] * IMAGES, list(range(1, IMAGES + 1)), bundle.family.sampling)
    prompt = Prompt(text, 0, "measured", choices=choices)
    measure = load("measures", bundle.family.measures["clip_b32"])()
    cosines = 100 * np.asarray(measure([MeasureInput(image, prompt=prompt) for image in images]), np.float64)
    shares = np.exp(cosines - cosines.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)


def test_no_embedded_object_is_found_in_its_destination(objects):
    """An empty beach is a horse chestnut seed to mini's CLIP twin, and was that seed's destination."""
    bundle, choices = ModelBundle(find("mini"), "cpu"), tuple(SENTENCE.replace("{}", each.name) for each in objects)
    names = [each.name for each in objects]
    found = {scene: found_in(bundle, scene, choices) for scene in sorted({each.dest for each in objects})}
    left = {each.name: float(found[each.dest][names.index(each.name)]) for each in objects}
    assert {name: share for name, share in left.items() if share > MOST} == {}
    assert found["beach"][names.index("horse chestnut seed")] > 0.9

"""Cosines of images with texts: by hand on a made-up model, and the registered measures by what they are pinned to."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from iceb import registry
from iceb.base.errors import MeasureError, ModelError
from iceb.conformance.parts.measures import check_measure
from iceb.metrics.measures.text_cosines import ClipL14Cosines, MiniCosines, TextCosines
from iceb.models.families import FAMILIES
from iceb.running.measuring import MeasuredImage, Measuring
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from tests.contract.registering import failures

AXES = {"red": 0, "green": 1, "blue": 2}
KINDS = ("clip_l14", "clip_b32", "clip_bigg")


class ByColour:
    """Embeds an image as its mean colour and a text as the axis of the colour that it names."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def image_embeddings(self, images: Any) -> Any:
        colours = np.stack([image.reshape(-1, 3).mean(axis=0) for image in images]).astype(np.float32)
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)

    def text_embeddings(self, texts: Any) -> Any:
        self.texts += texts
        return np.eye(3, dtype=np.float32)[[AXES[text] for text in texts]]


class Cosines(TextCosines):
    """The measure under test, with an id."""

    id = "cosines@1"


def image_of(*colour: int) -> Any:
    return np.full((4, 4, 3), colour, np.uint8)


def input_of(colour: tuple[int, int, int], text: str = "red", choices: tuple[str, ...] = ()) -> MeasureInput:
    return MeasureInput(image_of(*colour), None, Prompt(text, 0, "measured", choices=choices))


def test_a_row_has_the_cosine_of_each_choice():
    """By hand: the colour (3, 4, 0) has the cosines 0.6, 0.8 and 0 with the axes."""
    rows = Cosines(ByColour())([input_of((3, 4, 0), choices=("green", "red", "blue"))])
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.array([[0.8, 0.6, 0.0]]), abs=1e-6)


def test_a_prompt_without_choices_is_compared_with_its_own_text():
    assert Cosines(ByColour())([input_of((3, 4, 0), "green")]) == pytest.approx(np.array([[0.8]]), abs=1e-6)


def test_each_distinct_text_is_embedded_once():
    model = ByColour()
    measure = Cosines(model)
    offered = [("red", "green"), ("green", "blue"), ("red", "green")]
    found = measure([input_of((3, 4, 0), choices=choices) for choices in offered])
    measure([input_of((0, 4, 3), choices=("blue", "red"))])
    assert model.texts == ["red", "green", "blue"]
    assert found == pytest.approx(np.array([[0.6, 0.8], [0.8, 0.0], [0.6, 0.8]]), abs=1e-6)


def test_prompts_of_differently_many_choices_are_refused_in_one_call():
    with pytest.raises(MeasureError, match=r"cosines@1 got prompts of 1 and 2 choices in one call"):
        Cosines(ByColour())([input_of((3, 4, 0)), input_of((3, 4, 0), choices=("red", "green"))])


def test_an_image_that_no_prompt_drew_is_refused():
    with pytest.raises(MeasureError, match="an image without a prompt: needs the texts"):
        Cosines(ByColour())([MeasureInput(image_of(1, 2, 3))])


def test_no_images_are_no_rows():
    assert Cosines(ByColour())([]).shape[0] == 0


def test_a_network_that_fails_is_an_error_and_lack_of_memory_is_left_to_the_caller():
    class Fails(ByColour):
        def image_embeddings(self, images: Any) -> Any:
            raise self.error

    model = Fails()
    model.error = RuntimeError("shapes differ")
    with pytest.raises(MeasureError, match="cosines@1 failed on 1 images: shapes differ"):
        Cosines(model)([input_of((3, 4, 0))])
    model.error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        Cosines(model)([input_of((3, 4, 0))])


def test_a_number_that_is_not_finite_is_an_error():
    class Lost(ByColour):
        def image_embeddings(self, images: Any) -> Any:
            return np.full((len(images), 3), np.nan, np.float32)

    with pytest.raises(MeasureError, match="1 numbers that are not finite"):
        Cosines(Lost())([input_of((3, 4, 0))])


def test_a_run_measures_prompts_of_differently_many_choices(tmp_path):
    """Of one role they are equally many; of several they differ, and each call has one width."""
    store = ImageStore(tmp_path)
    prompts = [
        Prompt("red", 0, "source", choices=("red", "green")),
        Prompt("green", 0, "holdout"),
        Prompt("blue", 0, "source", choices=("blue", "green")),
        Prompt("green", 0, "other", choices=("red", "green", "blue")),
    ]
    keys = [str(place) * 64 for place in range(4)]
    for key in keys:
        store.save(key, image_of(3, 4, 0))
    measure = Cosines(ByColour())
    wanted = [MeasuredImage(key, prompt) for key, prompt in zip(keys, prompts, strict=True)]
    for _ in range(2):  # computed, then found
        rows = Measuring(store, MeasuredStore(tmp_path)).rows(measure, wanted)
        found = [rows[image.key(measure)].tolist() for image in wanted]
        expected = [[0.6, 0.8], [0.8], [0.0, 0.8], [0.6, 0.8, 0.0]]
        assert [pytest.approx(row, abs=1e-6) for row in expected] == found


# Registered measures


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_measure_of_each_kind(family, kind):
    expected = "clip_mini_texts" if family == "mini" else f"{kind}_text"
    assert FAMILIES[family].measures[kind] == expected
    assert registry.load("measures", expected).id == f"{expected}@1"


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_models_are_pinned_to_a_commit(kind):
    measure = registry.load("measures", f"{kind}_text")()
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", measure.revision)


def test_a_real_model_that_is_not_cached_is_a_model_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"cannot load the CLIP model timm/vit_large_patch14_clip_224.openai"):
        ClipL14Cosines()([input_of((3, 4, 0))])


def test_the_twins_cosines_are_those_of_its_embeddings():
    measure = MiniCosines()
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    texts = ("a photo of a hen", "a photo of a harp")
    rows = measure([MeasureInput(image, None, Prompt("a hen", 0, "measured", choices=texts))])
    expected = measure.model.image_embeddings([image]) @ measure.model.text_embeddings(texts).T
    assert rows == pytest.approx(expected, abs=1e-6)


def test_the_twins_measure_keeps_its_promises():
    assert failures(check_measure("clip_mini_texts")) == {}

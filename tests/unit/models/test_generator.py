"""Keys: everything that changes an image changes its key, and what does not, does not."""

from dataclasses import replace

import pytest
import torch

from iceb.base.errors import ModelError, StoreError
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.generator import Generator
from iceb.specs.methods import Edit
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore

SAMPLING = Sampling("ddim", 2, 4.0, 32, 32)
CAT = Prompt("a photo of a cat", 7, "source")
NAME = "text_encoder.encoder.layers.0.mlp.fc2.weight"


@pytest.fixture
def generator(tmp_path):
    return Generator(ImageStore(tmp_path))


def one(generator, bundle, prompt=CAT, sampling=SAMPLING):
    return generator.keys(bundle, [prompt], sampling)[0]


@pytest.mark.parametrize("other", [replace(CAT, text="a photo of a dog"), replace(CAT, seed=8)])
def test_text_and_seed_are_in_the_key(generator, tiny_sd, other):
    assert one(generator, tiny_sd, other) != one(generator, tiny_sd)


@pytest.mark.parametrize(
    "change", [{"role": "alias"}, {"label": 3}, {"request": "r/0"}, {"choices": ("a",)}, {"tags": ("x",)}]
)
def test_the_role_of_a_prompt_is_not_in_the_key(generator, tiny_sd, change):
    assert one(generator, tiny_sd, replace(CAT, **change)) == one(generator, tiny_sd)


@pytest.mark.parametrize("change", [{"steps": 3}, {"guidance": 2.0}, {"scheduler": "pndm"}, {"noise": "upstream"}])
def test_sampling_is_in_the_key(generator, tiny_sd, change):
    assert one(generator, tiny_sd, sampling=replace(SAMPLING, **change)) != one(generator, tiny_sd)


def test_an_edit_of_weights_is_in_the_key(generator, tiny_sd):
    before = one(generator, tiny_sd)
    with tiny_sd.applied(Edit({NAME: tiny_sd.parameter(NAME) + 1})) as edited:
        assert one(generator, edited) != before
    assert one(generator, tiny_sd) == before


def test_a_rewritten_prompt_shares_the_image_of_the_unedited_model(generator, tiny_sd):
    dog = one(generator, tiny_sd, replace(CAT, text="a photo of a dog"))
    with tiny_sd.applied(Edit(rewrites={"cat": "dog"})) as edited:
        assert one(generator, edited) == dog


def test_a_negative_prompt_is_in_the_key_and_in_the_image(generator, tiny_sd):
    before = generator.draw(tiny_sd, [CAT], SAMPLING)
    with tiny_sd.applied(Edit(negative_prompt="a cat")) as edited:
        after = generator.draw(edited, [CAT], SAMPLING)
    pixels = [generator.images.load(keys[0]).astype(int) for keys in (before, after)]
    assert abs(pixels[0] - pixels[1]).max() > 0


UPSTREAM = replace(SAMPLING, noise="upstream")


def test_the_published_noise_is_used_with_upstream_sampling_alone(generator, tiny_sd):
    published = replace(CAT, noise=NoiseDraw(99, (3,), 2))
    assert one(generator, tiny_sd, published) == one(generator, tiny_sd)
    assert one(generator, tiny_sd, published, UPSTREAM) != one(generator, tiny_sd, CAT, UPSTREAM)
    assert one(generator, tiny_sd, replace(published, seed=1), UPSTREAM) == one(generator, tiny_sd, published, UPSTREAM)


def test_where_the_noise_comes_from_is_in_the_key(generator, tiny_sd):
    draws = [NoiseDraw(99, calls, slot) for calls, slot in (((3,), 1), ((3,), 2), ((4,), 2), ((1, 3), 2))]
    draws.append(NoiseDraw(98, (3,), 1))
    keys = {one(generator, tiny_sd, replace(CAT, noise=draw), UPSTREAM) for draw in draws}
    assert len(keys) == len(draws)


@pytest.mark.parametrize("sampling", [SAMPLING, UPSTREAM])
def test_a_drawn_image_is_that_of_its_noise(generator, tiny_sd, sampling):
    """With two draws of one generator, the stored image is the one that its own noise makes."""
    prompts = [replace(CAT, seed=seed, noise=NoiseDraw(5, (2,), slot)) for slot, seed in enumerate((1, 2))]
    keys = generator.draw(tiny_sd, prompts, sampling)
    draws = [prompt.noise if sampling.noise == "upstream" else NoiseDraw(prompt.seed) for prompt in prompts]
    wanted = texts_to_images(tiny_sd, [CAT.text] * 2, initial_latents(tiny_sd, draws, sampling), sampling)
    for key, image in zip(keys, wanted, strict=True):
        assert (generator.images.load(key) == image).all()


def test_drawing_into_an_unwritable_cache_is_one_clear_error(tiny_sd, tmp_path):
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(StoreError, match="images"):
        Generator(ImageStore(tmp_path)).draw(tiny_sd, [CAT], SAMPLING)


def test_a_model_that_fails_while_drawing_is_one_clear_error(generator, tiny_sd, monkeypatch):
    def raise_error(*_, **__):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr("iceb.models.drawing.make_scheduler", raise_error)
    with pytest.raises(ModelError, match=r"failed while drawing .a photo of a cat"):
        generator.draw(tiny_sd, [CAT], SAMPLING)


def test_an_edit_changes_the_images(generator, tiny_sd):
    before = generator.draw(tiny_sd, [CAT], SAMPLING)
    with tiny_sd.applied(Edit({NAME: torch.randn_like(tiny_sd.parameter(NAME))})) as edited:
        after = generator.draw(edited, [CAT], SAMPLING)
    assert (generator.images.load(before[0]) != generator.images.load(after[0])).any()

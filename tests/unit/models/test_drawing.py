"""Images: those of diffusers' own pipeline, and the same bytes whatever is drawn beside them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iceb.models.drawing import initial_latents, texts_to_images
from iceb.specs.prompts import NoiseDraw
from iceb.specs.runs import Sampling

SAMPLING = Sampling("ddim", 3, 4.0, 32, 32)
TEXTS = ["a photo of a cat", "a dog on a beach", "a photo of a cat"]


def by_diffusers(bundle, texts, latents, sampling, negative=None):
    """What the library's own pipeline draws, one image per call."""
    import diffusers

    pipeline = bundle.pipeline
    kinds = {"ddim": "DDIMScheduler", "pndm": "PNDMScheduler", "dpm++": "DPMSolverMultistepScheduler"}
    own = pipeline.scheduler
    extra = {"ddim": {"clip_sample": False}, "pndm": {"skip_prk_steps": True}}.get(sampling.scheduler, {})
    pipeline.scheduler = getattr(diffusers, kinds[sampling.scheduler]).from_config(own.config, **extra)
    try:
        drawn = [
            pipeline(
                text,
                negative_prompt=negative,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                height=sampling.height,
                width=sampling.width,
                latents=latent[None].to(bundle.dtype),
                output_type="np",
            ).images[0]
            for text, latent in zip(texts, latents, strict=True)
        ]
    finally:
        pipeline.scheduler = own
    return np.stack(drawn) * 255


@pytest.mark.parametrize("scheduler", ["ddim", "pndm", "dpm++"])
@pytest.mark.parametrize(("guidance", "negative"), [(4.0, ""), (4.0, "a boat"), (1.0, "")])
def test_images_are_those_of_the_diffusers_pipeline(tiny, scheduler, guidance, negative):
    sampling = replace(SAMPLING, scheduler=scheduler, guidance=guidance)
    latents = initial_latents(tiny, [1, 2, 3], sampling)
    ours = texts_to_images(tiny, TEXTS, latents, sampling, negative).astype(float)
    theirs = by_diffusers(tiny, TEXTS, latents, sampling, negative or None)
    assert ours.std() > 1
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-2  # rounding to bytes, and float error


def test_initial_latents_do_not_depend_on_the_list(tiny_sd):
    together = initial_latents(tiny_sd, [5, 6, 7], SAMPLING)
    alone = initial_latents(tiny_sd, [7], SAMPLING)
    assert torch.equal(together[2], alone[0])
    assert together.shape == (3, 4, 8, 8)


UPSTREAM = replace(SAMPLING, noise="upstream")
SHAPE = (4, 8, 8)


def noise_of(bundle, *draws):
    return initial_latents(bundle, draws, UPSTREAM)


@given(seed=st.integers(0, 2**63 - 1))
def test_a_generator_of_ones_own_is_the_seeds(tiny_sd, seed):
    expected = torch.randn((1, *SHAPE), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(noise_of(tiny_sd, NoiseDraw(seed)), expected)
    assert torch.equal(noise_of(tiny_sd, seed), expected)


def test_a_shared_generator_gives_each_image_its_slice(tiny_sd):
    shared = torch.randn((3, *SHAPE), generator=torch.Generator().manual_seed(11))
    assert torch.equal(noise_of(tiny_sd, *(NoiseDraw(11, (3,), slot) for slot in range(3))), shared)
    assert torch.equal(noise_of(tiny_sd, NoiseDraw(11, (3,), 2))[0], shared[2])


def test_seeded_calls_replay_one_generator(tiny_sd):
    """Calls of 1, 3, 2, 3 and 2 images on one seed: the slots of each call are what one generator gives in turn."""
    sizes, generator = (1, 3, 2, 3, 2), torch.Generator().manual_seed(7)
    expected = [torch.randn((size, *SHAPE), generator=generator) for size in sizes]
    for place, size in enumerate(sizes):
        draws = [NoiseDraw(7, sizes[: place + 1], slot) for slot in range(size)]
        assert torch.equal(noise_of(tiny_sd, *draws), expected[place])


def test_sequential_calls_are_those_after_a_global_seed(tiny_sd):
    with torch.random.fork_rng():
        torch.manual_seed(13)
        expected = torch.cat([torch.randn((1, *SHAPE)) for _ in range(4)])
    draws = [NoiseDraw(13, (1,) * count, 0) for count in (1, 2, 3, 4)]
    assert torch.equal(noise_of(tiny_sd, *draws), expected)


@given(st.data())
def test_noise_does_not_depend_on_the_order_or_company_of_draws(tiny_sd, data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    draws = [NoiseDraw(3, tuple(sizes[: n + 1]), slot) for n, size in enumerate(sizes) for slot in range(size)]
    order = data.draw(st.permutations(draws))
    together = noise_of(tiny_sd, *order)
    for draw, noise in zip(order, together, strict=True):
        assert torch.equal(noise_of(tiny_sd, draw)[0], noise)


@pytest.mark.parametrize("sampling", [SAMPLING, UPSTREAM], ids=["own", "upstream"])
def test_noise_is_float32_whatever_torchs_default_number_format(tiny_sd, sampling):
    draws = [NoiseDraw(5), NoiseDraw(5, (1, 2), 1)]
    before = initial_latents(tiny_sd, draws, sampling)
    torch.set_default_dtype(torch.float64)
    try:
        found, none = initial_latents(tiny_sd, draws, sampling), initial_latents(tiny_sd, [], sampling)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, before)
    assert found.dtype == none.dtype == torch.float32


def test_no_texts_give_no_images(tiny_sd):
    assert texts_to_images(tiny_sd, [], torch.zeros(0, 4, 8, 8), SAMPLING).shape == (0, 32, 32, 3)


def test_texts_and_latents_must_be_as_many(tiny_sd):
    with pytest.raises(ValueError, match="2 texts for 1 latents"):
        texts_to_images(tiny_sd, ["a", "b"], torch.zeros(1, 4, 8, 8), SAMPLING)


def test_images_do_not_depend_on_the_number_of_threads(tiny_sd):
    latents = initial_latents(tiny_sd, range(20), SAMPLING)
    texts = [f"a photo of number {index}" for index in range(20)]
    drawn = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn[threads] = texts_to_images(tiny_sd, texts, latents, SAMPLING)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    assert np.array_equal(drawn[1], drawn[2])

"""Pictures: those of diffusers' own pipeline, and the same bytes whatever is drawn beside them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from iceb.models.drawing import initial_latents, pictures
from iceb.specs.runs import Sampling

SAMPLING = Sampling("ddim", 3, 4.0, 32, 32)
TEXTS = ["a photo of a cat", "a dog on a beach", "a photo of a cat"]


def by_diffusers(bundle, texts, latents, sampling, negative=None):
    """What the library's own pipeline draws, one picture per call."""
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
def test_pictures_are_those_of_the_diffusers_pipeline(tiny, scheduler, guidance, negative):
    sampling = replace(SAMPLING, scheduler=scheduler, guidance=guidance)
    latents = initial_latents(tiny, [1, 2, 3], sampling)
    ours = pictures(tiny, TEXTS, latents, sampling, negative).astype(float)
    theirs = by_diffusers(tiny, TEXTS, latents, sampling, negative or None)
    assert ours.std() > 1
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-2  # rounding to bytes, and float error


def test_initial_latents_do_not_depend_on_the_list(tiny_sd):
    together = initial_latents(tiny_sd, [5, 6, 7], SAMPLING)
    alone = initial_latents(tiny_sd, [7], SAMPLING)
    assert torch.equal(together[2], alone[0])
    assert together.shape == (3, 4, 8, 8)


def test_upstream_noise_is_a_slice_of_one_shared_draw(tiny_sd):
    sampling = replace(SAMPLING, noise="upstream")
    shared = torch.randn((3, 4, 8, 8), generator=torch.Generator().manual_seed(11))
    drawn = initial_latents(tiny_sd, [11, 11, 11], sampling, [0, 1, 2])
    assert torch.equal(drawn, shared)
    assert torch.equal(initial_latents(tiny_sd, [11], sampling, [2])[0], shared[2])


def test_no_texts_give_no_pictures(tiny_sd):
    assert pictures(tiny_sd, [], torch.zeros(0, 4, 8, 8), SAMPLING).shape == (0, 32, 32, 3)


def test_texts_and_latents_must_be_as_many(tiny_sd):
    with pytest.raises(ValueError, match="2 texts for 1 latents"):
        pictures(tiny_sd, ["a", "b"], torch.zeros(1, 4, 8, 8), SAMPLING)


def test_pictures_do_not_depend_on_the_number_of_threads(tiny_sd):
    latents = initial_latents(tiny_sd, range(20), SAMPLING)
    texts = [f"a photo of number {index}" for index in range(20)]
    drawn = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        drawn[threads] = pictures(tiny_sd, texts, latents, SAMPLING)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    assert np.array_equal(drawn[1], drawn[2])

"""Cross-attention's keys and values: projected once for all steps, and the same images byte for byte."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from iceb.models import drawing
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.kept_projections import PROJECTIONS, KeptProjection, kept_projections
from iceb.specs.runs import Sampling

SAMPLING = Sampling("ddim", 3, 4.0, 32, 32)
TEXTS = ["a photo of a cat", "a dog on a beach", "a photo of a cat"]


def cross_projections(bundle):
    return [module for name, module in bundle.pipeline.unet.named_modules() if name.endswith(PROJECTIONS)]


def counts_of_calls(bundle, monkeypatch):
    """How often each projection is computed from here on."""
    counts = [0] * len(cross_projections(bundle))
    for place, module in enumerate(cross_projections(bundle)):

        def count(states, place=place, forward=module.forward):
            counts[place] += 1
            return forward(states)

        monkeypatch.setattr(module, "forward", count)
    return counts


@pytest.mark.parametrize("guidance", [4.0, 1.0])
def test_images_are_the_same_bytes_as_with_a_projection_at_every_step(tiny, monkeypatch, guidance):
    sampling = Sampling("ddim", 3, guidance, 32, 32)
    latents = initial_latents(tiny, [1, 2, 3], sampling)
    kept = texts_to_images(tiny, TEXTS, latents, sampling)
    monkeypatch.setattr(drawing, "kept_projections", lambda unet: torch.no_grad())
    assert np.array_equal(kept, texts_to_images(tiny, TEXTS, latents, sampling))


def test_a_pass_projects_its_texts_once(tiny_sd, monkeypatch):
    counts = counts_of_calls(tiny_sd, monkeypatch)
    size = tiny_sd.images_per_pass.size
    texts = [f"a photo of thing {place}" for place in range(size + 1)]  # two passes
    texts_to_images(tiny_sd, texts, initial_latents(tiny_sd, list(range(size + 1)), SAMPLING), SAMPLING)
    assert counts
    assert set(counts) == {2}


def test_other_states_are_projected_anew_and_threads_keep_their_own():
    project = KeptProjection(lambda states: states * 2)
    first, second = torch.ones(2), torch.ones(2)
    assert project(first) is project(first)
    assert project(second) is not project(first)
    with ThreadPoolExecutor(1) as other:
        kept = project(first)
        assert torch.equal(other.submit(project, second).result(), torch.full((2,), 2.0))
        assert project(first) is kept


def test_the_model_is_as_before_even_after_a_failure(tiny_sd):
    modules = cross_projections(tiny_sd)
    own = modules[0].__dict__["forward"] = modules[0].forward
    try:
        with pytest.raises(RuntimeError), kept_projections(tiny_sd.pipeline.unet):
            raise RuntimeError
        assert modules[0].__dict__["forward"] is own
        assert all("forward" not in module.__dict__ for module in modules[1:])
    finally:
        del modules[0].__dict__["forward"]


def test_blocks_of_several_threads_overlap_and_the_last_one_cleans_up(tiny_sd):
    """Methods that train draw from several threads: the first to begin is not the last to end."""
    unet, modules = tiny_sd.pipeline.unet, cross_projections(tiny_sd)
    first, second = kept_projections(unet), kept_projections(unet)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert all(isinstance(module.__dict__["forward"], KeptProjection) for module in modules)
    second.__exit__(None, None, None)
    assert all("forward" not in module.__dict__ for module in modules)


def test_draws_from_many_threads_leave_the_model_as_it_was(tiny_sd):
    latents = initial_latents(tiny_sd, [1, 2, 3], SAMPLING)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: texts_to_images(tiny_sd, TEXTS, latents, SAMPLING), range(12)))
    assert all(np.array_equal(drawn[0], each) for each in drawn)
    assert all("forward" not in module.__dict__ for module in cross_projections(tiny_sd))

"""What guidance's halves share: computed once, the same images, and only in passes that say so."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from iceb.models import drawing
from iceb.models.drawing import seeded_images, without_repeats
from iceb.models.equal_halves import OneHalf, equal_halves, halves_computed_once, modules_before_texts
from iceb.specs.runs import Sampling

SAMPLING = Sampling("ddim", 3, 4.0, 32, 32)
TEXTS = ["a photo of a cat", "a dog on a beach", "a photo of a cat"]


def rows_of(unet, monkeypatch):
    """The number of rows that each shared module is given from here on."""
    rows = []
    for module in modules_before_texts(unet):

        def count(states, *others, forward=module.forward, **named):
            rows.append(len(states))
            return forward(states, *others, **named)

        monkeypatch.setattr(module, "forward", count)
    return rows


def latents(bundle, monkeypatch, halves, sampling=SAMPLING):
    """What the denoiser ends with for three texts, as floats."""
    monkeypatch.setattr(drawing, "halves_computed_once", halves)
    monkeypatch.setattr(drawing, "_decode", lambda vae, found, sampling: found.numpy())
    return seeded_images(bundle, TEXTS, [1, 2, 3], sampling)


@pytest.mark.parametrize("guidance", [4.0, 1.0])
def test_latents_are_those_of_two_whole_halves(tiny, monkeypatch, guidance):
    sampling = Sampling("ddim", 3, guidance, 32, 32)
    whole = latents(tiny, monkeypatch, lambda unet: nullcontext(), sampling)
    assert (
        np.abs(latents(tiny, monkeypatch, halves_computed_once, sampling) - whole).max() <= 1e-6 * np.abs(whole).max()
    )


def test_a_guided_pass_computes_one_half_and_another_pass_all(tiny_sd, monkeypatch):
    rows, size = rows_of(tiny_sd.pipeline.unet, monkeypatch), tiny_sd.images_per_pass.size
    seeded_images(tiny_sd, TEXTS[:1], [1], SAMPLING)
    seeded_images(tiny_sd, TEXTS[:1], [1], Sampling("ddim", 3, 1.0, 32, 32))
    assert set(rows) == {size}
    rows.clear()
    monkeypatch.setattr(drawing, "equal_halves", nullcontext)
    seeded_images(tiny_sd, TEXTS[:1], [1], SAMPLING)
    assert set(rows) == {2 * size}


def test_sdxls_halves_differ_from_the_start(tiny_sdxl):
    assert modules_before_texts(tiny_sdxl.pipeline.unet) == []


def test_the_modules_before_the_first_cross_attention(tiny_sd):
    unet = tiny_sd.pipeline.unet
    assert modules_before_texts(unet) == [unet.conv_in, unet.down_blocks[0].resnets[0]]


def test_the_embedded_model_shares_its_first_block(mini_unet):
    first, second = mini_unet.down_blocks
    assert modules_before_texts(mini_unet) == [mini_unet.conv_in, first, second.resnets[0]]


@pytest.fixture
def mini_unet():
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=4,
        attention_head_dim=4,
    )


def test_the_first_block_gives_its_skip_connections_twice(mini_unet):
    states, text = torch.randn(2, 4, 8, 8), torch.randn(4, 5, 8)
    with torch.inference_mode():
        given = torch.cat([states, states])
        whole = mini_unet(given, 500, encoder_hidden_states=text).sample
        with without_repeats(mini_unet), equal_halves():
            halved = mini_unet(given, 500, encoder_hidden_states=text).sample
        with without_repeats(mini_unet):  # a pass of another kind, with rows that differ
            other = torch.randn(4, 4, 8, 8)
            assert torch.equal(
                mini_unet(other, 500, encoder_hidden_states=text).sample, mini_unet(other, 500, text).sample
            )
    torch.testing.assert_close(halved, whole, rtol=0, atol=1e-6)


def test_a_failure_ends_the_halves():
    with pytest.raises(RuntimeError), equal_halves():
        raise RuntimeError
    assert len(OneHalf(lambda states: states)(torch.ones(2))) == 2

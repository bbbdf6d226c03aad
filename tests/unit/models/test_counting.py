"""Work and memory are counted as an independent computation finds them, and shapes are those that were published."""

import gc

import pytest
import torch
from torch import nn

from iceb.base.errors import ModelError
from iceb.models.architectures import parameter_count, shapes_of
from iceb.models.counting import count, fused_attention
from iceb.models.passes import pass_cost

# Published numbers of parameters of CompVis/stable-diffusion-v1-4 and stabilityai/stable-diffusion-xl-base-1.0.
SD = {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}
SDXL = {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840}


@pytest.mark.parametrize(("family", "published"), [("sd14", SD), ("sdxl", SDXL)])
def test_shapes_have_the_published_numbers_of_parameters(family, published):
    assert parameter_count(family) == published


def test_a_matrix_product_is_counted_by_hand():
    weight = torch.empty(30, 20, device="meta")
    given = torch.empty(5, 30, device="meta")
    found = count(lambda: given @ weight, [weight, given], gradients=False)
    assert found.flops == 2 * 5 * 30 * 20
    assert found.peak_bytes == 5 * 20 * 4


def test_peak_memory_holds_what_backward_needs_and_no_more():
    layers = nn.Sequential(*(nn.Linear(64, 64, bias=False, device="meta") for _ in range(4))).requires_grad_(False)
    given = torch.empty(10, 64, device="meta", requires_grad=True)
    state = 10 * 64 * 4

    def run():
        found = given
        for layer in layers:
            found = torch.tanh(layer(found))
        torch.autograd.backward(found.sum())

    forward = count(lambda: layers(given), [*layers.parameters(), given], gradients=False)
    both = count(run, [*layers.parameters(), given], gradients=True)
    assert forward.peak_bytes == 2 * state
    assert both.flops == 2 * forward.flops  # frozen weights: backward costs as much as forward
    assert 4 * state < both.peak_bytes <= 8 * state  # four results of tanh, and what the step at hand makes


def test_other_threads_tensors_keep_their_attention():
    query = torch.randn(1, 2, 5, 8)
    usual = nn.functional.scaled_dot_product_attention(query, query, query)
    with fused_attention():
        assert torch.equal(nn.functional.scaled_dot_product_attention(query, query, query), usual)
        meta = query.to("meta")
        assert nn.functional.scaled_dot_product_attention(meta, meta, meta).shape == usual.shape


def test_stage_one_costs_forward_and_backward_and_less_memory_with_checkpointing():
    forward = pass_cost("sd14", "unet")
    trained = pass_cost("sd14", "unet_to_text")
    checkpointed = pass_cost("sd14", "unet_to_text", checkpointed=True)
    assert 2.0 < trained.flops / forward.flops < 2.3  # backward to inputs alone, and attention's is dearer
    assert forward.row_bytes < checkpointed.row_bytes < 0.6 * trained.row_bytes
    assert trained.flops < checkpointed.flops < trained.flops + forward.flops


def test_peak_memory_does_not_depend_on_when_garbage_is_collected():
    usual = gc.get_threshold()
    counted = pass_cost.__wrapped__("sd14", "unet_to_text", checkpointed=True)
    gc.set_threshold(50)
    try:
        assert pass_cost.__wrapped__("sd14", "unet_to_text", checkpointed=True) == counted
    finally:
        gc.set_threshold(*usual)
    assert gc.isenabled()


def test_families_without_shapes_are_refused_and_those_with_anothers_are_not():
    assert shapes_of("sd15") == "sd14"
    assert shapes_of("mini") is None
    with pytest.raises(ModelError, match="work of mini: no shapes are written out; take one of sd14, sdxl"):
        pass_cost("mini", "unet")

"""Training some of a module's parameters on copies."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from iceb.base.errors import MethodError, ModelError
from iceb.methods.common.denoiser import Condition, Denoiser
from iceb.methods.common.training import TrainedParameters, clip_gradients, in_dtype, parameters_where

ADAM = partial(torch.optim.Adam, lr=1e-2)
CROSS = "attn2"


@pytest.fixture
def denoiser(tiny):
    pipeline = tiny.pipeline
    return Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)


def batch(denoiser, rows=2):
    draw = torch.Generator().manual_seed(0)
    width = denoiser.unet.config.cross_attention_dim
    noised = torch.randn(rows, *denoiser.latent_shape, generator=draw)
    pooled = torch.randn(rows, 32, generator=draw) if denoiser.unet.config.addition_embed_type else None
    return noised, torch.full((rows,), 500), Condition(torch.randn(rows, 77, width, generator=draw), pooled=pooled)


def test_steps_lower_the_loss_and_leave_the_model_and_its_gradients_alone(denoiser):
    unet = denoiser.unet
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    trained = TrainedParameters(unet, parameters_where(unet, lambda name: CROSS in name), ADAM)
    given = batch(denoiser)
    losses = [trained.step(denoiser.output(*given, trained.values).square().mean()) for _ in range(4)]
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert all(value.grad is None for value in unet.parameters())
    assert trained.relative_change > 0


def test_the_copies_are_what_the_model_would_be_with_them(denoiser):
    unet, given = denoiser.unet, batch(denoiser)
    trained = TrainedParameters(unet, parameters_where(unet, lambda name: CROSS in name), ADAM)
    assert torch.equal(denoiser.output(*given), denoiser.output(*given, trained.values))
    trained.step(denoiser.output(*given, trained.values).square().mean())
    with torch.no_grad():
        by_copies = denoiser.output(*given, trained.values)
        other = copy.deepcopy(unet)
        other.load_state_dict(trained.values, strict=False)
        by_loading = Denoiser(other, denoiser.vae, type("S", (), {"alphas_cumprod": denoiser.levels, "config": {}})())
        assert torch.equal(by_copies, by_loading.output(*given))


def test_a_step_is_torchs_own_with_clipping():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    trained = TrainedParameters(ours, ["weight", "bias"], partial(torch.optim.AdamW, lr=0.1))
    adam = torch.optim.AdamW(theirs.parameters(), lr=0.1)
    x = torch.randn(5, 3)
    for _ in range(3):
        trained.step(torch.func.functional_call(ours, trained.values, (x,)).square().sum(), largest_norm=1.0)
        adam.zero_grad()
        theirs(x).square().sum().backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        adam.step()
    assert torch.allclose(trained.values["weight"], theirs.weight, atol=1e-7)
    assert torch.allclose(trained.values["bias"], theirs.bias, atol=1e-7)


def test_a_parameter_the_loss_does_not_reach_stays():
    module = nn.Linear(2, 2)
    trained = TrainedParameters(module, ["weight", "bias"], partial(torch.optim.AdamW, lr=0.1, weight_decay=0.5))
    trained.step((trained.values["weight"] ** 2).sum())
    assert torch.equal(trained.values["bias"], module.bias)
    assert not torch.equal(trained.values["weight"], module.weight)


def test_weights_carry_the_component_and_the_models_number_format():
    trained = TrainedParameters(nn.Linear(2, 2), ["weight"], ADAM)
    ((name, value),) = trained.weights("unet", torch.float16).items()
    assert (name, value.dtype, value.requires_grad) == ("unet.weight", torch.float16, False)


def test_gradients_are_clipped_together_and_small_ones_not_at_all():
    slopes = {"a": torch.tensor([3.0]), "b": torch.tensor([4.0])}
    assert torch.allclose(torch.cat(list(clip_gradients(slopes, 1.0).values())), torch.tensor([0.6, 0.8]))
    assert clip_gradients(slopes, 10.0)["a"] == 3.0


def test_kinds_leave_out_norms(denoiser):
    everything = parameters_where(denoiser.unet, lambda name: True)
    layers = parameters_where(denoiser.unet, lambda name: True, (nn.Linear, nn.Conv2d))
    assert len(everything) == len(list(denoiser.unet.parameters()))
    assert any(".norm" in name for name in everything)
    assert not any(".norm" in name for name in layers)


@pytest.mark.parametrize("names", [[], ["nothing.weight"]])
def test_training_nothing_is_refused(names):
    with pytest.raises(ModelError):
        TrainedParameters(nn.Linear(2, 2), names, ADAM)


def test_an_empty_group_is_refused():
    with pytest.raises(ModelError, match="no parameter of the group"):
        parameters_where(nn.Linear(2, 2), lambda name: "attn2" in name)


def test_a_loss_that_is_not_finite_is_refused():
    trained = TrainedParameters(nn.Linear(2, 2), ["weight"], ADAM)
    with pytest.raises(MethodError, match="nan"):
        trained.step(trained.values["weight"].sum() * float("nan"))


def test_another_number_format_is_a_copy_and_the_same_one_is_not():
    module = nn.Linear(2, 2)
    assert in_dtype(module, torch.float32) is module
    assert in_dtype(module, torch.bfloat16).weight.dtype == torch.bfloat16
    assert module.weight.dtype == torch.float32


def test_a_converted_copy_is_what_torch_converts_and_no_tensor_is_copied_whole(monkeypatch):
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4)).requires_grad_(False)
    module.register_parameter("tied", module[1].weight)
    wanted = copy.deepcopy(module).to(torch.bfloat16)
    monkeypatch.setattr(torch.Tensor, "__deepcopy__", only_whole_numbers)
    monkeypatch.setattr(nn.Parameter, "__deepcopy__", only_whole_numbers)
    found = in_dtype(module, torch.bfloat16)
    assert {name: value.dtype for name, value in found.state_dict().items()} == {
        name: value.dtype for name, value in wanted.state_dict().items()
    }
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in wanted.state_dict().items())
    assert found.tied is found[1].weight
    assert not any(value.requires_grad for value in found.parameters())


def only_whole_numbers(tensor, memo):
    assert not tensor.is_floating_point()
    return tensor.clone()

"""The loss of Concept Ablation (arXiv:2303.13516), model-based or noise-based."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from iceb.base.errors import ModelError
from iceb.methods.common.denoiser import Denoiser

Texts = TypeVar("Texts")


@dataclass(frozen=True)
class Batch(Generic[Texts]):
    """A training batch: first the rows to ablate, one for each anchor, then the rows to preserve."""

    latents: Tensor  # (R, c, h, w), scaled for the denoiser
    noise: Tensor  # (R, c, h, w)
    timesteps: Tensor  # (R,)
    mask: Tensor  # (R, 1, h, w), 1 where a latent cell counts
    prompts: Texts  # of all R rows
    anchors: Texts  # of the first B rows
    ablated: int  # B


def objective(
    predict: Callable[[Tensor, Tensor, Texts], Tensor],
    denoiser: Denoiser,
    batch: Batch[Texts],
    *,
    model_based: bool,
    prior_weight: float = 1.0,
    prior_cells: bool = False,
) -> Tensor:
    """The loss of one step.

    Model-based: the target is what the model as it is now says to the anchor's prompt, without gradient. Noise-based:
    the target is the noise itself (v for a v-predicting model).

    Args:
        predict: noised latents, timesteps and prompts → the model's output, differentiable in what is trained.
        denoiser: noise levels.
        batch: B + P rows.
        model_based: which target.
        prior_weight: weight of the rows that preserve.
        prior_cells: sum their error over channels as the masked loss does (CompVis), not mean it (diffusers).

    Returns:
        A scalar.
    """
    noised = denoiser.add_noise(batch.latents, batch.noise, batch.timesteps)
    found, first = predict(noised, batch.timesteps, batch.prompts), batch.ablated
    truth = _truth(denoiser, batch)
    wanted = truth[:first]
    if model_based:
        with torch.no_grad():
            wanted = predict(noised[:first], batch.timesteps[:first], batch.anchors)
    loss = masked_error(found[:first], wanted, batch.mask[:first])
    if len(found) == first:
        return loss
    kept, right = found[first:], truth[first:]
    error = masked_error(kept, right, batch.mask[first:]) if prior_cells else (kept - right).square().mean()
    return loss + prior_weight * error


def masked_error(found: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Mean over rows of Σ mask (found − wanted)² / Σ mask: with a one-channel mask, c times a mean."""
    error = (mask * (found - wanted).square()).sum(dim=(1, 2, 3))  # (B,)
    return (error / mask.sum(dim=(1, 2, 3))).mean()


def _truth(denoiser: Denoiser, batch: Batch[Any]) -> Tensor:
    """The target that the model was pretrained on, noise or v, (R, c, h, w)."""
    if denoiser.prediction == "epsilon":
        return batch.noise
    level = denoiser.levels[batch.timesteps].to(batch.noise.dtype).reshape(-1, 1, 1, 1)
    return level.sqrt() * batch.noise - (1 - level).sqrt() * batch.latents


@contextmanager
def detach_start_token(unet: nn.Module) -> Iterator[None]:
    """Let no gradient pass through the start token's keys and values in cross-attention.

    Raises:
        ModelError: the denoiser has no cross-attention.
    """
    suffixes = ("attn2.to_k", "attn2.to_v")
    found = [module for name, module in unet.named_modules() if name.endswith(suffixes)]
    if not found:
        raise ModelError(f"{type(unet).__name__} has no module named attn2.to_k or attn2.to_v: no cross-attention")
    handles = [module.register_forward_hook(_without_start) for module in found]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _without_start(_module: nn.Module, _inputs: Any, projected: Tensor) -> Tensor:
    return torch.cat([projected[:, :1].detach(), projected[:, 1:]], dim=1)

"""The Fisher diagonal that weights the penalty on a shift in EMCID (arXiv:2403.13807).

How much does the denoising loss of ordinary image-caption pairs move when the state at one token is pushed the way an
edit of fc2 would push it? One number per dimension of the text encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.common.denoiser import Condition, Denoiser
from iceb.methods.common.least_squares import preserved_keys
from iceb.methods.common.text_encoder import TextTower, Tokens


@dataclass(frozen=True)
class Pair:
    """An image with its caption, the shifted token, and the noise of each step."""

    caption: str
    token: int  # column of the caption's tokens
    mean: Tensor  # (c, h, w), the image's latent before sampling
    deviation: Tensor  # (c, h, w)
    sampled: Tensor  # (c, h, w) standard normal
    noise: Tensor  # (S, c, h, w)
    timesteps: Tensor  # (S,)


def fisher_diagonal(
    tower: TextTower, denoiser: Denoiser, layer: int, moment: Tensor, moment_weight: float, pairs: Sequence[Pair]
) -> Tensor:
    """F_j = E[(Σ_k ∂L/∂W_jk a_k)²], a = (λ C + k kᵀ)⁻¹ k, over pairs and steps.

    k is fc2's input at the pair's token, W the whole fc2 matrix and L the mean squared error of the predicted noise.
    The gradient is that of W, so every token of the caption takes part; it is contracted with a without ever forming
    it, by the gradient of a vector u that enters the output at token t as (k_t · a) u.

    Args:
        tower: the text encoder.
        denoiser: the frozen denoiser.
        layer: whose fc2 is edited.
        moment: C of that layer, (d_ff, d_ff).
        moment_weight: λ.
        pairs: image-caption pairs with their draws.

    Returns:
        (d,) float32.
    """
    squares = [_squares(tower, denoiser, layer, moment, moment_weight, pair) for pair in pairs]
    return torch.cat(squares).mean(dim=0).float()


def _squares(
    tower: TextTower, denoiser: Denoiser, layer: int, moment: Tensor, moment_weight: float, pair: Pair
) -> Tensor:
    """Squared contracted gradients of one pair, one row per step, (S, d)."""
    with torch.no_grad():
        tokens = tower.tokens([pair.caption])
        bias = tower.bias(tokens)
        below = tower.advance(tower.embed(tokens), bias, 0, layer)
        keys = tower.key_inputs(layer, below, bias)[0]  # (L, d_ff)
        above = tower.advance(below, bias, layer, layer + 1)  # (1, L, d)
        a = preserved_keys(keys[pair.token, :, None], moment.to(keys.device), moment_weight)[:, 0]  # (d_ff,)
        reach = keys.double() @ a  # (L,) k_t · a
    steps = len(pair.timesteps)
    # The gradient in u is taken at u = 0. As reach · u it would be tiny in float32 next to the other terms of
    # a backward pass; the scale is taken out and put back in float64.
    scale = reach.abs().max().clamp(min=1e-300)
    u = torch.zeros(steps, 1, above.shape[-1], dtype=above.dtype, device=above.device, requires_grad=True)
    state = above + (reach / scale).to(above.dtype)[None, :, None] * u  # (S, L, d)
    loss = _loss_per_step(tower, denoiser, state, tokens, bias, layer, pair)
    (gradient,) = torch.autograd.grad(loss.sum(), u)
    return (gradient[:, 0].double() * scale).square()


def _loss_per_step(
    tower: TextTower, denoiser: Denoiser, state: Tensor, tokens: Tokens, bias: Tensor, layer: int, pair: Pair
) -> Tensor:
    steps = len(pair.timesteps)
    repeated = Tokens(tokens.ids.expand(steps, -1), tokens.mask.expand(steps, -1))
    context = tower.finish(state, bias, repeated, layer + 1).context
    latent = ((pair.mean + pair.deviation * pair.sampled.to(pair.mean)) * denoiser.scaling).expand(steps, -1, -1, -1)
    noise, timesteps = pair.noise.to(latent), pair.timesteps.to(latent.device)
    predicted = denoiser.predict_noise(denoiser.add_noise(latent, noise, timesteps), timesteps, Condition(context))
    return (predicted - noise).float().square().mean(dim=(1, 2, 3))  # (S,)

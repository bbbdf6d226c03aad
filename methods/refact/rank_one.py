"""The rank-one update of one fact: the direction u of the subject's keys, and the value v."""

from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.common.text_encoder import TextTower
from iceb.methods.refact.prompts import Prompts


@dataclass(frozen=True)
class RankOne:
    """The update W ← W + v uᵀ."""

    u: Tensor  # (d_ff,) float64, of norm 1
    v: Tensor  # (d,) float64
    target: Tensor  # (d,) float64, what fc2 now gives for the bare subject
    shift: Tensor  # δ, (d,)


def direction(keys: Tensor, factor: Tensor | None) -> Tensor:
    """u = C⁻¹ k̄ / ‖C⁻¹ k̄‖, (d_ff,) float64.

    Args:
        keys: (n, d_ff), the subject's keys in n contexts.
        factor: the Cholesky factor of C; None: u is the mean key's direction.
    """
    mean = keys.double().mean(dim=0)
    seen = mean if factor is None else torch.cholesky_solve(mean[:, None], factor)[:, 0]
    u: Tensor = seen / seen.norm()
    return u


def rank_one(
    tower: TextTower,
    layer: int,
    weight: Tensor,
    prompts: Prompts,
    own: int,
    u: Tensor,
    shift: Tensor,
) -> RankOne:
    """The update with fc2(k₀) = v₀ + δ for the bare subject's key: v = (v₀ + δ − W k₀ − b) / (k₀ · u).

    Args:
        tower: the text encoder.
        layer: the edited layer.
        weight: W as it is now, (d, d_ff) float64.
        prompts: the search's prompts; v₀ is fc2's output in the first.
        own: the row of the bare subject.
        u: from `direction`.
        shift: δ, (d,).
    """
    first, key = prompts.keys[0], prompts.keys[own]
    bias = tower.fc2(layer).bias.double()
    target = weight @ first + bias + shift.double()
    return RankOne(u, (target - weight @ key - bias) / (key @ u), target, shift)

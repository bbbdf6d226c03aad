"""One fact: the direction u that answers to the subject, the state v that it should have, and the rank-one change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.methods.activations import TextTower
from iceb.methods.refact.features import scores
from iceb.methods.refact.prompts import Prompts

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT
    from iceb.methods.refact.features import Features


@dataclass(frozen=True)
class Step:
    """One iteration, before its update."""

    shift: Tensor  # δ, (d,)
    likelihood: Tensor  # minus the mean log probability of the new text
    penalty: Tensor
    probability: float  # mean probability of the new text
    gradient: Tensor  # (d,)

    @property
    def loss(self) -> Tensor:
        """What is minimised, a scalar."""
        return self.likelihood + self.penalty


@dataclass(frozen=True)
class RankOne:
    """W ← W + v uᵀ."""

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
    """The change after which fc2 gives v₀ + δ for the bare subject's key k₀:  v = (v₀ + δ − W k₀ − b) / (k₀ · u).

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


def search(
    tower: TextTower,
    layer: int,
    weight: Tensor,
    prompts: Prompts,
    wanted: Tensor,
    told: "Features",
    method: "ReFACT",
    watch: Callable[[Step], None] | None = None,
) -> Tensor:
    """δ, (d,): added to fc2's output at the subject's last token, it makes the features nearer to the new text's.

    Args:
        tower: the text encoder, frozen.
        layer: the edited layer.
        weight: its fc2 weight as it is now, (d, d_ff).
        prompts: the prompts of the search, B rows.
        wanted: features of the new and the old text, (2, p), by the unedited encoder.
        told: how pooled states become features.
        method: the settings.
        watch: called before each update.
    """
    now = {layer: weight.to(tower.dtype)}
    with torch.no_grad():
        state = tower.advance(prompts.state, prompts.bias, layer, layer + 1, now)  # (B, L, d)
        start = (weight @ prompts.keys[0] + tower.fc2(layer).bias.double()).to(tower.dtype)  # v₀
    rows = torch.arange(len(state), device=tower.device)
    shift = torch.zeros_like(start).requires_grad_()
    adam = torch.optim.Adam([shift], lr=method.rate)
    for step in range(method.steps):
        # The MLP's output is the last term of a layer's sum: adding to the one is adding to the other.
        moved = state.index_put((rows, prompts.at), shift.expand(len(rows), -1), accumulate=True)
        pooled = tower.finish(moved, prompts.bias, prompts.tokens, layer + 1).pooled
        chances = scores(told(pooled), wanted, method.metric, method.scale).log_softmax(dim=-1)[:, 0]
        likelihood, penalty = -chances.mean(), method.decay * shift.norm() / start.norm() ** 2
        probability = float(chances.detach().exp().mean())
        if probability > method.enough or step + 1 == method.steps:
            break
        adam.zero_grad()
        torch.autograd.backward(likelihood + penalty)
        if watch is not None and shift.grad is not None:
            before = shift.detach().clone()
            watch(Step(before, likelihood.detach(), penalty.detach(), probability, shift.grad.clone()))
        adam.step()
        _clamp(shift, method.clamp * float(start.norm()))
    return shift.detach()


@torch.no_grad()
def _clamp(shift: Tensor, limit: float) -> None:
    """Shrinks δ, in place, to the limit where it is longer."""
    norm = float(shift.norm())
    if norm > limit:
        shift.mul_(limit / norm)

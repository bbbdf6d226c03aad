"""Gradient search for δ, a shift of a layer's MLP output towards the new fact's features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.methods.common.text_encoder import TextTower
from iceb.methods.refact.features import scores
from iceb.methods.refact.losses import Terms, divergence, likelihood
from iceb.methods.refact.prompts import Prompts

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT
    from iceb.methods.refact.features import Features


@dataclass(frozen=True)
class FeatureTarget:
    """The features that a search is scored against, all by the unedited model.

    Attributes:
        wanted: (n + m, p), features of the new texts or images, then of the others.
        new: n.
        project: how pooled states become features.
        kept: texts of which the order of images should stay, with the same δ; None: no such term.
        images: (i, p), features of these images.
    """

    wanted: Tensor
    new: int
    project: "Features"
    kept: Prompts | None = None
    images: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """One iteration of the search, before its update."""

    shift: Tensor  # δ, (d,)
    terms: Terms
    gradient: Tensor  # (d,)


class ShiftedStates:
    """Pooled states of prompts when δ is added to fc2's output at the subject's last token."""

    @torch.no_grad()
    def __init__(self, tower: TextTower, layer: int, weight: Tensor, prompts: Prompts) -> None:
        self.tower, self.layer, self.prompts = tower, layer, prompts
        now = {layer: weight.to(tower.dtype)}
        self.state = tower.advance(prompts.state, prompts.bias, layer, layer + 1, now)  # (B, L, d)

    def __call__(self, shift: Tensor) -> Tensor:
        """Pooled states, (B, p), for δ, (d,)."""
        prompts, rows = self.prompts, torch.arange(len(self.state), device=self.tower.device)
        # The MLP's output is the last term of the layer's sum, so δ can be added to the sum.
        moved = self.state.index_put((rows, prompts.at), shift.expand(len(rows), -1), accumulate=True)
        return self.tower.finish(moved, prompts.bias, prompts.tokens, self.layer + 1).pooled


class Losses:
    """The loss of one request as a function of δ."""

    def __init__(
        self, tower: TextTower, layer: int, weight: Tensor, prompts: Prompts, target: FeatureTarget, method: "ReFACT"
    ) -> None:
        self.target, self.method = target, method
        with torch.no_grad():
            start = weight @ prompts.keys[0] + tower.fc2(layer).bias.double()
        self.start = start.to(tower.dtype)  # v₀
        self.rewritten = ShiftedStates(tower, layer, weight, prompts)
        self.kept = None if target.kept is None else ShiftedStates(tower, layer, weight, target.kept)
        self.before: Tensor | None = None  # (k, i) log probabilities of images at δ = 0

    def __call__(self, shift: Tensor) -> Terms:
        """The terms of the loss at δ, (d,)."""
        method, target = self.method, self.target
        found = scores(target.project(self.rewritten(shift)), target.wanted, method.metric, method.scale)
        unlikely, probability = likelihood(found, target.new, method.objective)
        penalty = method.decay * shift.norm() / self.start.norm() ** 2
        return Terms(unlikely, self._drift(shift), penalty, probability)

    def _drift(self, shift: Tensor) -> Tensor:
        """The divergence from the model as it is now, always by cosines."""
        if self.kept is None or self.target.images is None:
            return shift.new_zeros(())
        found = scores(self.target.project(self.kept(shift)), self.target.images, "cosine", self.method.scale)
        now = found.log_softmax(dim=1)
        if self.before is None:
            self.before = now.detach()
        return self.method.kl * divergence(now, self.before)


def search(
    tower: TextTower,
    layer: int,
    weight: Tensor,
    prompts: Prompts,
    target: FeatureTarget,
    method: "ReFACT",
    watch: Callable[[Step], None] | None = None,
) -> Tensor:
    """Search δ, (d,), added to fc2's output at the subject's last token, to approach the target.

    Args:
        tower: the text encoder, frozen.
        layer: the edited layer.
        weight: its fc2 weight as it is now, (d, d_ff).
        prompts: the prompts of the search, B rows.
        goal: what is wanted, and what should stay.
        method: the settings.
        watch: called before each update.
    """
    losses = Losses(tower, layer, weight, prompts, target, method)
    shift = torch.zeros_like(losses.start).requires_grad_()
    adam = torch.optim.Adam([shift], lr=method.rate)
    for step in range(method.steps):
        terms = losses(shift)
        if terms.is_enough(method.objective, method.enough) or step + 1 == method.steps:
            break
        adam.zero_grad()
        torch.autograd.backward(terms.loss)
        if watch is not None and shift.grad is not None:
            watch(Step(shift.detach().clone(), terms.detach(), shift.grad.clone()))
        adam.step()
        _clamp(shift, method.clamp * float(losses.start.norm()))
    return shift.detach()


@torch.no_grad()
def _clamp(shift: Tensor, limit: float) -> None:
    """Scale δ, in place, to the limit if it is longer."""
    norm = float(shift.norm())
    if norm > limit:
        shift.mul_(limit / norm)

"""EMCID stage I: one value vector per concept, by gradient descent through the denoiser (arXiv:2403.13807).

Concepts are independent: their losses are added up, Adam works element by element, and each has its own random draws.
So a batch of concepts gives the vectors each would get alone, while the parts that do not change (the encoder below
the edited layer, the destination's states, the autoencoder's moments) are computed once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.activations import TextStates, TextTower
from iceb.methods.denoising import Condition, Denoiser
from iceb.methods.emcid.concepts import Concept, Rows
from iceb.methods.emcid.draws import Draws, Latents
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.sides import Side


@dataclass(frozen=True)
class Losses:
    """The parts of each concept's loss, (G,) each, before the text weight."""

    noise: Tensor
    penalty: Tensor
    text: Tensor

    def total(self, text_weight: float) -> Tensor:
        """(G,) what is minimised."""
        return self.noise + self.penalty + text_weight * self.text


@dataclass(frozen=True)
class Step:
    """One step as it was taken, for tests and diagnostics."""

    losses: Losses  # before the update
    total: Tensor  # (G,)
    gradients: tuple[Tensor, ...]  # per encoder (G, T, d), at the shifts before the update
    shifts: tuple[Tensor, ...]  # per encoder (G, T, d), after update and projection


@dataclass(frozen=True)
class Values:
    """What stage I found for a batch of concepts."""

    vectors: tuple[Tensor, ...]  # per encoder z* = v₀ + δ, (G, T, d)
    losses: Tensor  # (G,) total loss before the last update


def optimise(
    towers: Sequence[TextTower],
    denoiser: Denoiser | None,
    concepts: Sequence[Concept],
    settings: Stage1,
    latents: Latents | None,
    draws: Sequence[Draws],
    *,
    fisher: Tensor | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Values:
    """The value vectors of a batch of concepts.

    Each step minimises, per concept,  L = L_noise + L_penalty + s · L_text  over the shift δ of the state after
    `layer` at the edited tokens, then projects: ‖δ‖ ≤ clamp · ‖v₀‖.

    Args:
        towers: the text encoders, one or (SDXL) two.
        denoiser: the frozen denoiser; None is allowed where no noise loss is asked for.
        concepts: G concepts.
        settings: hyperparameters.
        latents: the training pictures of all concepts, encoded; None where no noise loss is asked for.
        draws: each concept's random numbers.
        fisher: (d,) diagonal Fisher information for the "ewc" penalty.
        watch: called after every step.

    Raises:
        MethodError: settings ask for something that was not given.
    """
    _check(denoiser, settings, latents, fisher)
    rows = Rows.of(concepts, towers[0].device)
    sides = [Side(tower, concepts, settings, which) for which, tower in enumerate(towers)]
    shifts = [torch.zeros_like(side.start, dtype=torch.float32).requires_grad_() for side in sides]
    adam = torch.optim.Adam(shifts, lr=settings.rate)
    total = torch.zeros(len(concepts))
    for _ in range(settings.steps):
        losses = _losses(sides, shifts, rows, concepts, settings, denoiser, latents, draws, fisher)
        total = losses.total(settings.text_weight)
        adam.zero_grad()
        torch.autograd.backward(total.sum())
        gradients = tuple(_gradient(shift) for shift in shifts)
        adam.step()
        for side, shift in zip(sides, shifts, strict=True):
            _project(shift, side.start, settings.clamp)
        if watch is not None:
            watch(Step(losses, total.detach(), gradients, tuple(shift.detach().clone() for shift in shifts)))
    vectors = tuple(side.start.float() + shift.detach() for side, shift in zip(sides, shifts, strict=True))
    return Values(vectors, total.detach())


def _check(denoiser: Denoiser | None, settings: Stage1, latents: Latents | None, fisher: Tensor | None) -> None:
    if settings.noise_loss != "none" and (denoiser is None or latents is None):
        raise MethodError(
            f"noise loss {settings.noise_loss!r} needs a denoiser and training pictures; or ask for 'none'"
        )
    if settings.uses_fisher and fisher is None:
        raise MethodError("the ewc penalty needs a Fisher diagonal: none was computed")


def _gradient(shift: Tensor) -> Tensor:
    return torch.zeros_like(shift) if shift.grad is None else shift.grad.detach().clone()


@torch.no_grad()
def _project(shift: Tensor, start: Tensor, clamp: float) -> None:
    """Shrinks each token's δ, in place, to norm clamp · ‖v₀‖ where it is longer."""
    limit = clamp * start.float().norm(dim=-1, keepdim=True)  # (G, T, 1)
    norm = shift.norm(dim=-1, keepdim=True)
    shift.mul_(torch.where(norm > limit, limit / norm, torch.ones_like(norm)))


def _losses(
    sides: Sequence[Side],
    shifts: Sequence[Tensor],
    rows: Rows,
    concepts: Sequence[Concept],
    settings: Stage1,
    denoiser: Denoiser | None,
    latents: Latents | None,
    draws: Sequence[Draws],
    fisher: Tensor | None,
) -> Losses:
    per_row = [shift[rows.owner].to(side.tower.dtype) for side, shift in zip(sides, shifts, strict=True)]  # (B, T, d)
    edited = [side.read(shift) for side, shift in zip(sides, per_row, strict=True)]
    each = [_penalty(shift, side, settings, fisher) for side, shift in zip(sides, shifts, strict=True)]
    penalty = torch.stack(each).sum(dim=0)
    noise = torch.zeros_like(penalty)
    if denoiser is not None and latents is not None and settings.noise_loss != "none":
        source = Condition(
            torch.cat([part.context for part in edited], dim=-1), sides[0].source.keep, _pooled(sides, edited)
        )
        noise = _noise_loss(denoiser, source, sides, rows, concepts, settings, latents, draws)
    aligned = torch.tensor([concept.align_text for concept in concepts], device=penalty.device)
    parts = zip(sides, edited, per_row, strict=True)
    text = torch.stack([side.text_loss(states, shift) for side, states, shift in parts]).sum(dim=0) * aligned
    return Losses(noise, penalty, text)


def _pooled(sides: Sequence[Side], states: Sequence[TextStates]) -> Tensor | None:
    """The added condition of SDXL, the second encoder's pooled state; None with one encoder."""
    return states[-1].pooled if len(sides) > 1 else None


def _penalty(shift: Tensor, side: Side, settings: Stage1, fisher: Tensor | None) -> Tensor:
    """(G,) what a long shift costs: the norm, not squared, over ‖v₀‖²; or the Fisher-weighted squares."""
    start = side.start.float().norm(dim=-1)  # (G, T) ‖v₀‖
    if settings.uses_fisher and fisher is not None:
        squares = (fisher * shift.square()).sum(dim=-1) / start.square()
        return torch.sum(squares, dim=-1) * (settings.ewc_weight / 2)
    if shift.shape[1] > 1:
        shift = shift.detach()  # the authors' code weighs several tokens without a gradient
    share: Tensor = shift.norm(dim=-1).mean(dim=-1) / start.mean(dim=-1).square()
    return share * settings.decay


def _noise_loss(
    denoiser: Denoiser,
    source: Condition,
    sides: Sequence[Side],
    rows: Rows,
    concepts: Sequence[Concept],
    settings: Stage1,
    latents: Latents,
    draws: Sequence[Draws],
) -> Tensor:
    """(G,) squared error of the edited source's noise prediction against its target."""
    drawn = [stream.step() for stream in draws]
    noise = torch.cat([part.noise for part in drawn]).to(denoiser.device, denoiser.dtype)
    timesteps = torch.cat([part.timesteps for part in drawn]).to(denoiser.device)
    noised = denoiser.noised(latents.draw(drawn).to(denoiser.dtype), noise, timesteps)  # (B, c, h, w)
    target = _target(denoiser, noised, timesteps, noise, sides, rows, concepts, settings)
    gap = denoiser.noise_in(noised, timesteps, source) - target
    return rows.mean(gap.float().square().mean(dim=(1, 2, 3)))


@torch.no_grad()
def _target(
    denoiser: Denoiser,
    noised: Tensor,
    timesteps: Tensor,
    noise: Tensor,
    sides: Sequence[Side],
    rows: Rows,
    concepts: Sequence[Concept],
    settings: Stage1,
) -> Tensor:
    """(B, c, h, w) what the edited source should predict; the destination is asked only where it is the answer."""
    dest = Condition(
        torch.cat([side.dest.context for side in sides], dim=-1),
        sides[0].target.keep,
        _pooled(sides, [s.dest for s in sides]),
    )
    if settings.noise_loss == "esd":
        clean = [side.clean for side in sides]
        named = Condition(
            torch.cat([part.context for part in clean], dim=-1), sides[0].source.keep, _pooled(sides, clean)
        )
        nothing = denoiser.noise_in(noised, timesteps, dest)
        return nothing - settings.esd_scale * (denoiser.noise_in(noised, timesteps, named) - nothing)
    true = settings.noise_loss == "true"
    real = torch.tensor([true or concept.true_noise for concept in concepts], device=noised.device)[rows.owner]
    asked = (~real).nonzero()[:, 0]
    target = noise.clone()
    if len(asked):
        target[asked] = denoiser.noise_in(noised[asked], timesteps[asked], dest.rows(asked))
    return target

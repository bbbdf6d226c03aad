"""EMCID stage I: one value vector per concept, by gradient descent through the denoiser.

Concepts are independent: their losses are added up, Adam works element by element, and each has its own random draws.
So a batch of concepts gives the vectors each would get alone, while the parts that do not change (the encoder below
the edited layer, the destination's states, the autoencoder's moments) are computed once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.denoiser import Condition, Denoiser
from iceb.methods.common.text_encoder import TextStates, TextTower
from iceb.methods.emcid.concepts import Concept, Rows
from iceb.methods.emcid.encoders import EncoderBatch
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.training_noise import DrawStream, Latents


@dataclass(frozen=True)
class Losses:
    """The parts of each concept's loss, (G,) each, before the text weight."""

    noise: Tensor
    penalty: Tensor
    text: Tensor

    def total(self, text_weight: float) -> Tensor:
        """The weighted sum that is minimised, (G,)."""
        return self.noise + self.penalty + text_weight * self.text


@dataclass(frozen=True)
class Step:
    """A record of one step, for tests and diagnostics."""

    losses: Losses  # before the update
    total: Tensor  # (G,)
    gradients: tuple[Tensor, ...]  # per encoder (G, T, d), at the shifts before the update
    shifts: tuple[Tensor, ...]  # per encoder (G, T, d), after update and projection


@dataclass(frozen=True)
class Values:
    """Value vectors of a batch of concepts, as stage I returns them."""

    vectors: tuple[Tensor, ...]  # per encoder z* = v₀ + δ, (G, T, d)
    losses: Tensor  # (G,) total loss before the last update

    @classmethod
    def join(cls, parts: "Sequence[Values]") -> "Values":
        """Concatenate the values of several batches."""
        per_encoder = zip(*(part.vectors for part in parts), strict=True)
        return cls(tuple(map(torch.cat, per_encoder)), torch.cat([part.losses for part in parts]))


def optimise_values(
    towers: Sequence[TextTower],
    denoiser: Denoiser | None,
    concepts: Sequence[Concept],
    settings: Stage1,
    latents: Latents | None,
    draws: Sequence[DrawStream],
    *,
    fisher: Tensor | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Values:
    """Optimise the value vectors of a batch of concepts.

    Each step minimises, per concept,  L = L_noise + L_penalty + s · L_text  over the shift δ of the state after
    `layer` at the edited tokens, then projects: ‖δ‖ ≤ clamp · ‖v₀‖.

    Args:
        towers: the text encoders, one or (SDXL) two.
        denoiser: the frozen denoiser; None is allowed where no noise loss is asked for.
        concepts: G concepts.
        settings: of stage I.
        latents: the training images of all concepts, encoded; None where no noise loss is asked for.
        draws: each concept's random numbers.
        fisher: (d,) diagonal Fisher information for the "ewc" penalty.
        watch: called after every step.

    Raises:
        MethodError: settings ask for something that was not given.
    """
    _check(denoiser, settings, latents, fisher)
    objective = _Objective(towers, denoiser, concepts, settings, latents, draws, fisher)
    shifts, total = _descend(objective, settings, watch)
    starts = (encoder.start.float() for encoder in objective.encoders)
    return Values(tuple(start + shift for start, shift in zip(starts, shifts, strict=True)), total)


def _descend(
    objective: "_Objective", settings: Stage1, watch: Callable[[Step], None] | None
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Run Adam on all shifts: δ per encoder, (G, T, d), and the total loss before the last update, (G,)."""
    encoders = objective.encoders
    shifts = [torch.zeros_like(encoder.start, dtype=torch.float32).requires_grad_() for encoder in encoders]
    adam = torch.optim.Adam(shifts, lr=settings.rate)
    total = torch.zeros(len(objective.rows.first))
    for _ in range(settings.steps):
        losses = objective.losses(shifts)
        total = losses.total(settings.text_weight)
        adam.zero_grad()
        torch.autograd.backward(total.sum())
        gradients = tuple(_gradient(shift) for shift in shifts)
        adam.step()
        for encoder, shift in zip(encoders, shifts, strict=True):
            _project(shift, encoder.start, settings.clamp)
        if watch is not None:
            watch(Step(losses, total.detach(), gradients, tuple(shift.detach().clone() for shift in shifts)))
    return tuple(shift.detach() for shift in shifts), total.detach()


def _check(denoiser: Denoiser | None, settings: Stage1, latents: Latents | None, fisher: Tensor | None) -> None:
    if settings.noise_loss != "none" and (denoiser is None or latents is None):
        raise MethodError(f"noise loss {settings.noise_loss!r} needs a denoiser and training images; or ask for 'none'")
    if settings.uses_fisher and fisher is None:
        raise MethodError("the ewc penalty needs a Fisher diagonal: none was computed")


def _gradient(shift: Tensor) -> Tensor:
    return torch.zeros_like(shift) if shift.grad is None else shift.grad.detach().clone()


@torch.no_grad()
def _project(shift: Tensor, start: Tensor, clamp: float) -> None:
    """Shrink each token's δ, in place, to norm clamp · ‖v₀‖ where it is longer."""
    limit = clamp * start.float().norm(dim=-1, keepdim=True)  # (G, T, 1)
    norm = shift.norm(dim=-1, keepdim=True)
    shift.mul_(torch.where(norm > limit, limit / norm, torch.ones_like(norm)))


class _Objective:
    """The loss of a batch of concepts; what does not change between steps is computed once."""

    def __init__(
        self,
        towers: Sequence[TextTower],
        denoiser: Denoiser | None,
        concepts: Sequence[Concept],
        settings: Stage1,
        latents: Latents | None,
        draws: Sequence[DrawStream],
        fisher: Tensor | None,
    ) -> None:
        device = towers[0].device
        self.settings, self.denoiser, self.latents, self.draws, self.fisher = settings, denoiser, latents, draws, fisher
        self.rows = Rows.of(concepts, device)
        self.encoders = [EncoderBatch(tower, concepts, settings, which) for which, tower in enumerate(towers)]
        self.aligned = torch.tensor([concept.align_text for concept in concepts], device=device)  # (G,)
        true = [settings.noise_loss == "true" or concept.true_noise for concept in concepts]
        self.true_noise = torch.tensor(true, device=device)[self.rows.owner]  # (B,)
        self.dest = self._condition([encoder.dest for encoder in self.encoders], self.encoders[0].target.keep)

    def _condition(self, states: Sequence[TextStates], keep: Tensor | None) -> Condition:
        """The denoiser's conditioning: states of all encoders side by side; of SDXL also pooled."""
        context = torch.cat([part.context for part in states], dim=-1)
        return Condition(context, keep, states[-1].pooled if len(states) > 1 else None)

    def losses(self, shifts: Sequence[Tensor]) -> Losses:
        """Each concept's losses at a shift per encoder, (G, T, d) each."""
        encoders = self.encoders
        per_row = [
            shift[self.rows.owner].to(encoder.tower.dtype) for encoder, shift in zip(encoders, shifts, strict=True)
        ]
        edited = [encoder.read(shift) for encoder, shift in zip(encoders, per_row, strict=True)]
        each = [self._penalty(shift, encoder) for encoder, shift in zip(encoders, shifts, strict=True)]
        penalty = torch.stack(each).sum(dim=0)
        noise = torch.zeros_like(penalty)
        if self.settings.noise_loss != "none" and self.denoiser is not None and self.latents is not None:
            noise = self._noise_loss(self.denoiser, self.latents, self._condition(edited, encoders[0].source.keep))
        parts = zip(encoders, edited, per_row, strict=True)
        text = torch.stack([encoder.text_loss(states, shift) for encoder, states, shift in parts]).sum(dim=0)
        return Losses(noise, penalty, text * self.aligned)

    def _penalty(self, shift: Tensor, encoder: EncoderBatch) -> Tensor:
        """Penalty on a shift, (G,): its norm over ‖v₀‖², or Fisher-weighted squares."""
        settings = self.settings
        start = encoder.start.float().norm(dim=-1)  # (G, T) ‖v₀‖
        if settings.uses_fisher and self.fisher is not None:
            squares = (self.fisher * shift.square()).sum(dim=-1) / start.square()
            return torch.sum(squares, dim=-1) * (settings.ewc_weight / 2)
        if shift.shape[1] > 1:
            shift = shift.detach()  # as in the authors' code: with several tokens the weight has no gradient
        share: Tensor = shift.norm(dim=-1).mean(dim=-1) / start.mean(dim=-1).square()
        return share * settings.decay

    def _noise_loss(self, denoiser: Denoiser, latents: Latents, source: Condition) -> Tensor:
        """Squared error of the edited source's noise prediction against its target, (G,)."""
        drawn = [stream.step() for stream in self.draws]
        noise = torch.cat([part.noise for part in drawn]).to(denoiser.device, denoiser.dtype)
        timesteps = torch.cat([part.timesteps for part in drawn]).to(denoiser.device)
        noised = denoiser.add_noise(latents.draw(drawn).to(denoiser.dtype), noise, timesteps)  # (B, c, h, w)
        target = self._target(denoiser, noised, timesteps, noise)
        gap = denoiser.predict_noise(noised, timesteps, source) - target
        return self.rows.mean(gap.float().square().mean(dim=(1, 2, 3)))

    @torch.no_grad()
    def _target(self, denoiser: Denoiser, noised: Tensor, timesteps: Tensor, noise: Tensor) -> Tensor:
        """Target of the noise loss, (B, c, h, w); the destination is predicted only if used."""
        if self.settings.noise_loss == "esd":
            named = self._condition([encoder.clean for encoder in self.encoders], self.encoders[0].source.keep)
            nothing = denoiser.predict_noise(noised, timesteps, self.dest)  # the destination's prompts are empty
            return nothing - self.settings.esd_scale * (denoiser.predict_noise(noised, timesteps, named) - nothing)
        asked = (~self.true_noise).nonzero()[:, 0]
        target = noise.clone()
        if len(asked):
            target[asked] = denoiser.predict_noise(noised[asked], timesteps[asked], self.dest.rows(asked))
        return target

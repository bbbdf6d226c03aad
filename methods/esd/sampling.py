"""Partially denoised latents, sampled with classifier-free guidance."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from iceb.base.progress import Advance
from iceb.methods.common.denoiser import Condition, Denoiser, join_conditions


def repeat_rows(condition: Condition, count: int) -> Condition:
    """Repeat each row `count` times, copies next to each other."""
    return condition.rows(
        torch.arange(len(condition.context), device=condition.context.device).repeat_interleave(count)
    )


@torch.no_grad()
def partial_latents(
    denoiser: Denoiser,
    scheduler: Any,
    steps: int,
    guidance: float,
    away: Condition,
    toward: Condition,
    noise: Tensor,
    stops: Sequence[int],
    advance: Advance = lambda steps: None,
) -> tuple[Tensor, Tensor]:
    """Each row's latents after its number of scheduler steps, as the pipeline draws (ESD of 2025).

    All rows are sampled together up to the largest stop, so rows with similar stops waste least.

    Args:
        scheduler: a scheduler of the pipeline's kind; its state is used up.
        away: one row, what guidance steers away from.
        toward: B rows.
        noise: (B, c, h, w), standard normal.
        stops: B numbers of steps.
        advance: called after every step.

    Returns:
        Latents (B, c, h, w), not scaled for the denoiser, and timesteps (B,) that belong to them.
    """
    scheduler.set_timesteps(steps, device=noise.device)
    condition = join_conditions([repeat_rows(away, len(noise)), toward])
    wanted = torch.tensor(stops, device=noise.device)
    latents = noise * scheduler.init_noise_sigma
    found = latents.clone()
    for index in range(max(stops)):
        time = scheduler.timesteps[index]
        seen = scheduler.scale_model_input(torch.cat([latents] * 2), time)
        predicted = apply_guidance(denoiser.output(seen, time, condition), guidance)
        latents = scheduler.step(predicted, time, latents, return_dict=False)[0]
        found = torch.where((wanted > index).reshape(-1, 1, 1, 1), latents, found)
        advance(1)
    return found, scheduler.timesteps.to(noise.device)[wanted]


@torch.no_grad()
def walk_levels(
    denoiser: Denoiser,
    weights: Mapping[str, Tensor],
    levels: Sequence[int],
    guidance: float,
    away: Condition,
    toward: Condition,
    noise: Tensor,
) -> Tensor:
    """Latents (B, c, h, w) of the trained model after DDIM steps (η = 0) through `levels`.

    Args:
        weights: the trained parameters.
        levels: noise levels from the first, which the noise is taken for, to the last, at which the latents end.
        away, toward: B rows each.
        noise: (B, c, h, w), standard normal.
    """
    latents, condition = noise, join_conditions([away, toward])
    for level, after in pairwise(levels):
        time = torch.full((2 * len(noise),), level, device=noise.device)
        predicted = apply_guidance(denoiser.predict_noise(torch.cat([latents] * 2), time, condition, weights), guidance)
        here, there = denoiser.levels[level].to(noise.dtype), denoiser.levels[after].to(noise.dtype)
        clean = (latents - (1 - here).sqrt() * predicted) / here.sqrt()
        latents = there.sqrt() * clean + (1 - there).sqrt() * predicted
    return latents


def apply_guidance(predicted: Tensor, guidance: float) -> Tensor:
    """Apply classifier-free guidance to 2B rows, the first half without the prompt → (B, c, h, w)."""
    without, with_prompt = predicted.chunk(2)
    return without + guidance * (with_prompt - without)

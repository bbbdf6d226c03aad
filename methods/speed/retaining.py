"""Selection of the retained states that a projection's erasure would change, and their neighbours."""

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 128  # rows whose neighbours share a threshold, as in the authors' program


@dataclass(frozen=True, eq=False)
class RetainedStates:
    """The states of all retained texts, shared by all projections."""

    rows: Tensor  # X, (n, d) float64, in random order
    reached: Tensor  # X Zᵀ, (n, m): the erasure moves a state by W (a − t)ᵀ times a row of it
    reach: Tensor  # Z, (m, d)


@dataclass(frozen=True, eq=False)
class RetainedMoment:
    """Second moment of the states retained for one projection."""

    moment: Tensor  # mean of c cᵀ over kept states and kept neighbours, (d, d) float64
    rows: int  # kept states
    neighbours: int  # kept neighbours


def retained_moment(
    aims: Tensor,
    retained: RetainedStates,
    least: Tensor | None,
    neighbours: int,
    filtered: bool,
    generator: torch.Generator,
) -> RetainedMoment:
    """Compute the second moment of the states retained for one projection.

    States that the erasure moves by more than the mean are kept. Around each, `neighbours` states c + ξ v are drawn, v
    the direction that W shrinks most and ξ standard normal, and those moved by more than their chunk's mean are kept
    too. The neighbours differ from c along v alone, so they are counted and never made.

    Args:
        aims: W (a − t)ᵀ, (out, m) float64; with Z from the right it is the erasure E.
        retained: the states.
        least: v, (d,); None where no neighbours are drawn.
        neighbours: how many are drawn for each; 0 for none, and then no state is left out either.
        filtered: False keeps every state.
        generator: of the CPU, for ξ.
    """
    moved = retained.reached @ aims.T  # (n, out), E c
    size = moved.square().sum(dim=1)  # (n,)
    chosen = size.sqrt() > size.sqrt().mean()
    if not filtered or neighbours == 0 or not bool(chosen.any()):
        chosen = torch.ones_like(chosen)
    X = retained.rows[chosen]
    if neighbours == 0 or least is None:
        return RetainedMoment(X.T @ X / len(X), len(X), 0)
    v, along = least, aims @ (retained.reach @ least)  # (d,), E v (out,)
    draws = torch.randn(len(X), neighbours, generator=generator, dtype=torch.float64).to(X)
    reached = size[chosen][:, None] + 2 * draws * (moved[chosen] @ along)[:, None] + draws.square() * (along @ along)
    far = exceeds_mean(reached.clamp_min(0).sqrt())
    counts, draws = far.sum(dim=1).to(X), draws * far  # (n',) neighbours kept of each; their ξ
    mixed = torch.outer(X.T @ draws.sum(dim=1), v)  # Σ ξ c vᵀ
    summed = X.T @ ((1 + counts)[:, None] * X) + mixed + mixed.T + draws.square().sum() * torch.outer(v, v)
    return RetainedMoment(summed / (len(X) + counts.sum()), len(X), int(counts.sum()))


def exceeds_mean(sizes: Tensor) -> Tensor:
    """Mask of the (n, m) sizes that exceed the mean of their chunk of rows."""
    return torch.cat([chunk > chunk.mean() for chunk in torch.split(sizes, CHUNK)])

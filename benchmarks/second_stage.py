"""Time EMCID-NS's second stage, one solve per layer, against AlphaEdit's program per concept.

Keys and residuals are random and given, of SD-1.4's sizes: 11 layers, keys of 3072, outputs of 768. Both forms first
decompose each layer's second moment (ours in float64, AlphaEdit's in float32), which a scratch holds from then on. The
literal form solves, for every concept and layer, P (k kᵀ + Kp) + L2 I, 3072 × 3072, in float32. One layer is timed and
taken eleven times, of the literal form one concept, and that as often as there are concepts.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from iceb.methods.emcid.null_space import NullSpaceSolver, Spectrum
from iceb.methods.emcid.settings import NullSpace

Made = TypeVar("Made")
NAME, LAYERS, WIDTH, OUT, RANK, RIDGE = "emcid-ns", 11, 3072, 768, 1536, 10.0
LABEL = f"second stage, keys given, {RANK} of {WIDTH} directions free"


def second_stage(counts: Sequence[int]) -> Iterator[tuple[str, tuple[int, float, float, float]]]:
    """Yield a label and (edits, seconds, seconds again, literal seconds) for each number of edits."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(2 * WIDTH, WIDTH, generator=draw)
    moment = rows.T @ rows / len(rows)
    spectrum, ours = time_call(lambda: Spectrum.of(moment))
    P, theirs = time_call(lambda: projector(moment))
    unit = min(literal(P, draw) for _ in range(2))
    solver = NullSpaceSolver({0: spectrum}, NullSpace("rank", RANK, RIDGE, "absolute"))
    for count in counts:
        keys, residuals = (torch.randn(size, count, generator=draw) for size in (WIDTH, OUT))
        _, solve = time_call(lambda K=keys, R=residuals: solver(0, K, R))
        yield LABEL, (count, LAYERS * (ours + solve), LAYERS * solve, LAYERS * (theirs + count * unit))


def projector(moment: Tensor) -> Tensor:
    """P = U0 U0ᵀ as AlphaEdit's program makes it."""
    U = torch.linalg.svd(moment)[0][:, -RANK:]
    return U @ U.T


def literal(P: Tensor, draw: torch.Generator) -> float:
    """Time one concept in one layer; its keys are preserved afterwards."""
    k, R = (torch.randn(size, 1, generator=draw) for size in (WIDTH, OUT))
    W, kept, identity = torch.zeros(OUT, WIDTH), torch.zeros(WIDTH, WIDTH), torch.eye(WIDTH)

    def go() -> None:
        W.add_(torch.linalg.solve(P @ (k @ k.T + kept) + RIDGE * identity, P @ k @ R.T).T)
        kept.add_(k @ k.T)

    return time_call(go)[1]


def time_call(work: Callable[[], Made]) -> tuple[Made, float]:
    """Return the result of `work` and its processor seconds."""
    began = time.process_time()
    made = work()
    return made, time.process_time() - began

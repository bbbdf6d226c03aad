"""Closed forms as the authors' programs compute them: every matrix and text anew, in float32.

The programs' loops are kept, on text states that are handed over, and each form counts the seconds that concepts,
retained texts and everything else took, so that large tasks can be extrapolated from small ones.

In float64 they give the methods' own edits (RECE, SPEED without its random neighbours, MACE: to 2e-6 of the change). In
float32, on the stand-in's random states, the inverses of UCE's kind lose their digits: only the seconds mean anything.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from iceb.methods.speed.formula import centres

Block: TypeAlias = tuple[Tensor, Tensor]  # E, E', (n, d) float32 each
KEPT, CHUNK, BATCH = 0.1, 128, 8  # weight of retained texts in UCE and RECE; rows of SPEED's loops


@dataclass(frozen=True)
class Units:
    """Seconds of a literal form per concept, per retained text and per matrix inversion."""

    concept: float
    retained: float
    inverses: float  # and everything else done once per matrix

    def __add__(self, other: "Units") -> "Units":
        """Add the seconds of two forms that run one after the other."""
        return Units(self.concept + other.concept, self.retained + other.retained, self.inverses + other.inverses)

    def times(self, concept: int, retained: int) -> "Units":
        """Multiply the seconds per concept and per retained text."""
        return Units(concept * self.concept, retained * self.retained, self.inverses)

    def of(self, concepts: int, retained: int) -> float:
        """Total seconds for these numbers of concepts and retained texts."""
        return concepts * self.concept + retained * self.retained + self.inverses


@dataclass(frozen=True)
class States:
    """Inputs of a literal form: text states in float32."""

    concepts: Sequence[Sequence[Block]]
    kept: Sequence[Tensor]  # (n, d) of each retained text
    empty: Tensor  # (77, d) of the empty text


Form: TypeAlias = Callable[[Sequence[Tensor], States], tuple[list[Tensor], Units]]


class Clock:
    """A clock of processor seconds, summed by purpose."""

    def __init__(self) -> None:
        self.spent = {"concept": 0.0, "retained": 0.0, "inverses": 0.0}
        self.last = time.process_time()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to `name`."""
        now = time.process_time()
        self.spent[name] += now - self.last
        self.last = now

    def units(self, states: States) -> Units:
        """Divide the sums by the numbers of concepts and retained texts."""
        concepts, kept = len(states.concepts), max(1, len(states.kept))
        return Units(self.spent["concept"] / concepts, self.spent["retained"] / kept, self.spent["inverses"])


def solve_form(ridge: float, tensor: bool = False) -> Form:
    """The form mat1 mat2⁻¹ for each matrix by itself: UCE (both techniques), TIME, MACE's stage 1."""
    scale = 0.1 if tensor else 1.0

    def form(weights: Sequence[Tensor], states: States) -> tuple[list[Tensor], Units]:
        edited, clock = [], Clock()
        for W in weights:
            mat1, mat2 = ridge * W, ridge * torch.eye(W.shape[1])
            for C, new in (block for blocks in states.concepts for block in blocks):
                v = new @ W.T
                if tensor:
                    u = C @ W.T
                    u = u / u.norm()
                    v = v - (u * v).sum() * u
                mat1, mat2 = mat1 + scale * v.T @ C, mat2 + scale * C.T @ C
            clock.lap("concept")
            for P in states.kept:
                mat1, mat2 = mat1 + KEPT * (P @ W.T).T @ P, mat2 + KEPT * P.T @ P
            clock.lap("retained")
            edited.append(mat1 @ torch.inverse(mat2))
            clock.lap("inverses")
        return edited, clock.units(states)

    return form


def rece(weights: Sequence[Tensor], states: States) -> tuple[list[Tensor], Units]:
    """RECE with one epoch: UCE's start, an attack on every concept, the erasure of what it found.

    Args:
        weights: W_i, (out, d) each.
        states: of a concept the pair from the last subject token on, for the start, and the pair of all positions.
    """
    edited, began = solve_form(0.5)(
        weights, States([[first] for first, _ in states.concepts], states.kept, states.empty)
    )
    clock, found = Clock(), []
    for _, (C, new) in states.concepts:
        found.append([(attack_rows(weights, edited, C, 1e-3), new)])
    clock.lap("concept")
    edited, ended = solve_form(0.1)(edited, States(found, states.kept, states.empty))
    return edited, began + clock.units(states) + ended


def attack_rows(weights: Sequence[Tensor], edited: Sequence[Tensor], C: Tensor, ridge: float) -> Tensor:
    """c* = (r I + Σ W'ᵀW')⁻¹ (Σ W'ᵀW) c for the rows of one concept, (77, d)."""
    A, B = ridge * torch.eye(C.shape[1]), torch.zeros(C.shape[1], C.shape[1])
    for W, V in zip(weights, edited, strict=True):
        A, B = A + V.T @ V, B + V.T @ W
    return C @ (torch.inverse(A) @ B).T


def speed(weights: Sequence[Tensor], states: States) -> tuple[list[Tensor], Units]:
    """W + W (S_at − S_tt) P Q M (SPEED's settings for instances).

    Args:
        weights: values W, (out, d) each.
        states: of a concept the rows of its and the anchor's last token, (1, d) each, and so of a retained text.
    """
    edited, clock = [], Clock()
    S_tt = torch.stack([t.T @ t for ((t, _),) in states.concepts]).mean(dim=0)
    S_at = torch.stack([a.T @ t for ((t, a),) in states.concepts]).mean(dim=0)
    clock.lap("concept")
    K, identity = torch.cat([states.empty[:1], centres(states.empty[1:])]).T, torch.eye(len(S_tt))
    for W in weights:
        E = W @ (S_at - S_tt) @ torch.inverse(identity + S_tt)
        v = torch.linalg.svd(W, full_matrices=False)[2][-1]
        clock.lap("inverses")
        R = retained_moment(torch.cat(list(states.kept)), E, torch.outer(v, v))
        clock.lap("retained")
        U, S, _ = torch.linalg.svd(R)
        P = U[:, S < 0.1] @ U[:, S < 0.1].T
        M = torch.inverse(S_tt @ P + identity)
        Q = identity - M @ K @ torch.inverse(K.T @ P @ M @ K) @ K.T @ P
        edited.append(W + W @ (S_at - S_tt) @ P @ Q @ M)
        clock.lap("inverses")
    return edited, clock.units(states)


def retained_moment(rows: Tensor, E: Tensor, P_min: Tensor, neighbours: int = 10) -> Tensor:
    """Mean c cᵀ over the rows and their random neighbours that E moves by more than the mean."""
    rows = rows_above_mean(rows, E)
    summed, count = torch.zeros(len(P_min), len(P_min)), len(rows)
    for chunk in rows.split(CHUNK):
        drawn = [
            batch.repeat_interleave(neighbours, dim=0) + torch.randn(len(batch) * neighbours, len(P_min)) @ P_min
            for batch in chunk.split(BATCH)
        ]
        near = rows_above_mean(torch.cat(drawn), E)
        summed, count = summed + chunk.T @ chunk + near.T @ near, count + len(near)
    return summed / count


def rows_above_mean(rows: Tensor, E: Tensor) -> Tensor:
    """The rows c with ‖E c‖ above the mean."""
    sizes = (rows @ E.T).norm(dim=1)
    return rows[sizes > sizes.mean()]

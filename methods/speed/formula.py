"""SPEED's update of one projection: the erasure projected on the null space of retained states.

With P = U Uᵀ the directions that retained states hardly use and K the invariant states, the update is
W (S_at − S_tt) U H Uᵀ, the minimiser over Δ of mean ‖(W + Δ P) t − W a‖² + s ‖Δ P‖² under Δ P K = 0 (slack 0) or with
that equation weighted by 1 / slack. All of it is computed in U's coordinates from the target rows themselves, whose
number decides the size of the one system that is solved.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DEPENDENT = 1e-12  # share of the largest eigenvalue below which a constraint is dropped
SQUARED = 1e-8  # share of the largest eigenvalue below which squares of singular values are inexact
SHIFT = 1e-4  # k-means stops when the square of the summed shifts is below this


@dataclass(frozen=True, eq=False)
class Targets:
    """At most d rows t and anchors a with the moments tᵀt = S_tt and aᵀt = S_at, means over concepts.

    All that is computed of them is of their number's size: one concept costs next to nothing, and a thousand no more
    than d.
    """

    own: Tensor  # t, (m, d) float64
    anchors: Tensor  # a, (m, d) float64

    @property
    def away(self) -> Tensor:
        """a − t, (m, d) float64: W (a − t)ᵀ t is what erasing moves."""
        return self.anchors - self.own

    @property
    def reach(self) -> Tensor:
        """Z = (I + t tᵀ)⁻¹ t, (m, d) float64; W (a − t)ᵀ Z is the erasure with nothing retained."""
        found: Tensor = torch.cholesky_solve(self.own, _damped_factor(self.own, 1.0))
        return found


def reduce_rows(own: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
    """Reduce rows t and a, (n, d) each, to at most d rows with the same moments tᵀt and aᵀt."""
    if len(own) <= own.shape[1]:
        return own, anchors
    Q, R = torch.linalg.qr(own)
    return R, Q.T @ anchors


def _damped_factor(rows: Tensor, scale: float) -> Tensor:
    """The Cholesky factor of t tᵀ + s I."""
    factor: Tensor = torch.linalg.cholesky(rows @ rows.T + scale * torch.eye(len(rows)).to(rows))
    return factor


def least_singular_vector(W: Tensor) -> Tensor:
    """The right singular vector of the smallest singular value of W, (out, d) float64; (d,).

    From the eigenvectors of the smaller of W Wᵀ and WᵀW; where squares would cost it more than half its digits, from
    W itself.
    """
    wide = len(W) < W.shape[1]
    values, vectors = torch.linalg.eigh(W @ W.T if wide else W.T @ W)
    v: Tensor = W.T @ vectors[:, 0] if wide else vectors[:, 0]
    if not values[0] > SQUARED * values[-1]:
        v = torch.linalg.svd(W, full_matrices=False)[2][-1]
    return v.div(v.norm())  # a singular vector has the length 1 already, but for rounding


def unused_directions(moment: Tensor, threshold: float) -> Tensor:
    """U, (d, r): orthonormal basis of the directions with eigenvalues below the threshold."""
    values, vectors = torch.linalg.eigh((moment + moment.T) / 2)
    found: Tensor = vectors[:, values < threshold]
    return found


def update(targets: Targets, U: Tensor, invariants: Tensor, scale: float, slack: float) -> tuple[Tensor, int]:
    """F, for the change W (a − t)ᵀ F: F = t U H Uᵀ with H = X − X k (kᵀX k + slack I)⁺ kᵀX.

    Args:
        targets: rows of targets and anchors.
        U: (d, r), from `unused_directions`.
        invariants: K, (d, m), states whose answer must not change; k = Uᵀ K.
        scale: s > 0, weight of the change's size; X = (Uᵀ S_tt U + s I)⁻¹, of which only products are made.
        slack: λ ≥ 0; 0 keeps the invariants exactly.

    Returns:
        (rows of `targets`, d) float64, and how many of the m invariants were no constraint of their own.
    """
    t, k = targets.own @ U, U.T @ invariants  # (n, r), (r, m)
    tX = torch.cholesky_solve(t, _damped_factor(t, scale))  # (n, r)
    Xk = (k - tX.T @ (t @ k)) / scale
    system = k.T @ Xk + slack * torch.eye(k.shape[1], dtype=U.dtype, device=U.device)
    system = (system + system.T) / 2
    values = torch.linalg.eigvalsh(system)
    free = int((values <= DEPENDENT * values.max().clamp_min(torch.finfo(values.dtype).tiny)).sum())
    pseudo = torch.linalg.pinv(system, rtol=DEPENDENT, hermitian=True)
    return (tX - tX @ k @ pseudo @ Xk.T) @ U.T, free


def centres(rows: Tensor, count: int = 3, seed: int = 0) -> Tensor:
    """Centres of rows by Lloyd's k-means, (count, d), from rows chosen by a seeded generator.

    An empty cluster keeps its centre, where the authors' program would give numbers that are none.
    """
    found = rows[starting_rows(len(rows), count, seed)]
    while True:
        nearest = torch.cdist(rows, found).argmin(dim=1)
        old, found = found, found.clone()
        for place in range(count):
            if bool((nearest == place).any()):
                found[place] = rows[nearest == place].mean(dim=0)
        if not float((found - old).norm(dim=1).sum()) ** 2 >= SHIFT:  # NaN ends the loop, too, and fails at the solve
            return found


def starting_rows(total: int, count: int, seed: int) -> list[int]:
    """The starting rows of k-means.

    >>> starting_rows(76, 3, 0)
    [52, 57, 22]
    """
    return [int(place) for place in np.random.RandomState(seed).choice(total, count, replace=False)]

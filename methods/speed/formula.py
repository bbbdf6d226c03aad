"""SPEED's update of one projection: the erasure that lies in the null space of what is retained.

With P = U Uᵀ the directions that retained states hardly use and K the invariant states, the update is W D U H Uᵀ, the
minimiser over Δ of mean ‖(W + Δ P) t − W a‖² + s ‖Δ P‖² under Δ P K = 0 (slack 0) or with that equation weighed by
1 / slack. All of it is computed in U's coordinates, where the system is symmetric and small.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DEPENDENT = 1e-12  # of the largest eigenvalue: what is smaller is no constraint of its own
SHIFT = 1e-4  # k-means stops when the square of the summed shifts is below this


@dataclass(frozen=True, eq=False)
class Targets:
    """Second moments of target rows t and anchor rows a: means over concepts of sums over rows."""

    own: Tensor  # S_tt = mean tᵀ t, (d, d) float64
    cross: Tensor  # S_at = mean aᵀ t, (d, d) float64

    @property
    def wanted(self) -> Tensor:
        """D = S_at − S_tt, (d, d) float64: W D is what erasing moves."""
        return self.cross - self.own

    @property
    def probe(self) -> Tensor:
        """Z = D (I + S_tt)⁻¹, (d, d) float64: E = W Z is the erasure without regard to anything retained."""
        identity = torch.eye(len(self.own), dtype=self.own.dtype, device=self.own.device)
        factor = torch.linalg.cholesky(identity + self.own)
        solution: Tensor = torch.cholesky_solve(self.wanted.T, factor)
        return solution.T


def unused(moment: Tensor, threshold: float) -> Tensor:
    """U, (d, r): an orthonormal basis of the directions in which the moment's eigenvalue is below the threshold."""
    values, vectors = torch.linalg.eigh((moment + moment.T) / 2)
    found: Tensor = vectors[:, values < threshold]
    return found


def update(targets: Targets, U: Tensor, invariants: Tensor, scale: float, slack: float) -> tuple[Tensor, int]:
    """What W is multiplied by to give its change: D U H Uᵀ with H = X − X k (kᵀX k + slack I)⁺ kᵀX.

    Args:
        targets: the moments of targets and anchors.
        U: (d, r), from `unused`.
        invariants: K, (d, m), states whose answer must not change.
        scale: s > 0, weight of the change's size; X = (Uᵀ S_tt U + s I)⁻¹.
        slack: λ ≥ 0; 0 keeps the invariants exactly.

    Returns:
        (d, d) float64, and how many of the m invariants were no constraint of their own.
    """
    identity = torch.eye(U.shape[1], dtype=U.dtype, device=U.device)
    factor = torch.linalg.cholesky(U.T @ targets.own @ U + scale * identity)
    k = U.T @ invariants  # (r, m)
    Xk = torch.cholesky_solve(k, factor)
    system = k.T @ Xk + slack * torch.eye(k.shape[1], dtype=U.dtype, device=U.device)
    values = torch.linalg.eigvalsh(system)
    free = int((values <= DEPENDENT * values.max().clamp_min(torch.finfo(values.dtype).tiny)).sum())
    pseudo = torch.linalg.pinv(system, rtol=DEPENDENT, hermitian=True)
    change = torch.cholesky_solve((targets.wanted @ U).T, factor).T  # D U X, (d, r)
    return (change - change @ k @ pseudo @ Xk.T) @ U.T, free


def centres(rows: Tensor, count: int = 3, seed: int = 0) -> Tensor:
    """Lloyd's k-means of rows, (count, d), from rows that numpy's generator of this seed chooses.

    An empty cluster keeps its centre, where the authors' program would give numbers that are none.
    """
    found = rows[starting_rows(len(rows), count, seed)]
    while True:
        nearest = torch.cdist(rows, found).argmin(dim=1)
        old, found = found, found.clone()
        for place in range(count):
            if bool((nearest == place).any()):
                found[place] = rows[nearest == place].mean(dim=0)
        if not float((found - old).norm(dim=1).sum()) ** 2 >= SHIFT:  # NaN ends it too, and fails at the solve
            return found


def starting_rows(total: int, count: int, seed: int) -> list[int]:
    """The rows k-means starts from.

    >>> starting_rows(76, 3, 0)
    [52, 57, 22]
    """
    return [int(place) for place in np.random.RandomState(seed).choice(total, count, replace=False)]

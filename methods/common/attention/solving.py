"""Solve M = (λ I + K)(λ I + A)⁻¹ by one Cholesky factorisation in float64."""

import torch
from torch import Tensor

from iceb.base.errors import MethodError


class Factor:
    """The Cholesky factor of λ I + A, for several right-hand sides.

    Args:
        system: A, (d, d), symmetric and not negative.
        ridge: λ ≥ 0; right-hand sides are given without it and get it too, so that nothing edited gives M = I.

    Raises:
        MethodError: λ is negative, or λ I + A is not positive definite.
    """

    def __init__(self, system: Tensor, ridge: float) -> None:
        if ridge < 0:
            raise MethodError(f"ridge {ridge}: must not be negative")
        self._system = system.double()
        identity = torch.eye(len(system), dtype=torch.float64, device=system.device)
        self._identity = identity
        factor, failed = torch.linalg.cholesky_ex(self._system + ridge * identity)
        if failed or not bool(factor.isfinite().all()):
            raise MethodError(
                f"the closed form has no unique solution with ridge {ridge}: its {len(system)} × {len(system)} matrix "
                "is not positive definite; take a larger ridge, or more texts to preserve"
            )
        self._factor: Tensor = factor

    def right(self, target: Tensor) -> Tensor:
        """(λ I + K)(λ I + A)⁻¹, (d, d) float64, for K, (d, d).

        Solved as I + (K − A)(λ I + A)⁻¹, so that what is large and preserved in both cancels before the solve.
        """
        return self._identity + self.over(target.double() - self._system)

    def over(self, target: Tensor) -> Tensor:
        """T (λ I + A)⁻¹, (n, d) float64, for T, (n, d), of terms that differ between projections."""
        found: Tensor = torch.cholesky_solve(target.double().T, self._factor).T
        return found


def solve(system: Tensor, target: Tensor, ridge: float) -> Tensor:
    """M = (λ I + K)(λ I + A)⁻¹, the right factor that every projection shares.

    Args:
        system: A = s_e C + s_p PᵀP, (d, d), symmetric.
        target: K = s_e X + s_p PᵀP, (d, d).
        ridge: λ ≥ 0.

    Returns:
        M, (d, d) float64.

    Raises:
        MethodError: as `Factor`.

    >>> solve(torch.ones(1, 1), torch.zeros(1, 1), ridge=1.0).tolist()
    [[0.5]]
    """
    return Factor(system, ridge).right(target)

"""Ridge least squares with a preserved second moment: the closed form that locate-and-edit methods share.

Solved in float64 by one Cholesky factorisation; no matrix is ever inverted.
"""

import torch
from torch import Tensor

from iceb.base.errors import MethodError


def preserved_keys(keys: Tensor, moment: Tensor, weight: float) -> Tensor:
    """A = (λ C + K Kᵀ)⁻¹ K, the keys seen through what must stay.

    Args:
        keys: K, (d_in, n), one column per edited concept.
        moment: C, (d_in, d_in), uncentred second moment of the layer's inputs.
        weight: λ > 0.

    Returns:
        A, (d_in, n), float64.

    Raises:
        MethodError: the shapes disagree, λ is not positive, or the system is singular.
    """
    K, C = keys.double(), moment.double()
    if weight <= 0:
        raise MethodError(
            f"the weight of the second moment is {weight}: it must be positive, else nothing is preserved"
        )
    if C.shape != (K.shape[0], K.shape[0]):
        raise MethodError(f"second moment {tuple(C.shape)} does not fit keys of width {K.shape[0]}")
    system = weight * C + K @ K.T  # (d_in, d_in)
    factor, failed = torch.linalg.cholesky_ex(system)
    if not failed:
        solution: Tensor = torch.cholesky_solve(K, factor)
        return solution
    # A moment summed in float32 may have eigenvalues of about −1e-7 of the largest; the system is then solvable, not definite.
    solution, failed = torch.linalg.solve_ex(system, K)
    if failed or not torch.isfinite(solution).all():
        raise MethodError(
            f"the closed form is singular: {K.shape[1]} keys and a second moment of rank below {K.shape[0]}; "
            "take more captions for the moment or a larger moment weight"
        )
    return solution


def ridge_update(keys: Tensor, residuals: Tensor, moment: Tensor, weight: float) -> Tensor:
    """The smallest weight change that moves `keys` by `residuals` and leaves other keys alone.

    Solves  Δ = R Kᵀ (λ C + K Kᵀ)⁻¹, the minimiser of ‖Δ K − R‖² + λ tr(Δ C Δᵀ)  (MEMIT, arXiv:2210.07229, equation 14).

    Args:
        keys: K, (d_in, n), one column per edited concept.
        residuals: R, (d_out, n).
        moment: C = E[k kᵀ] over a caption corpus, (d_in, d_in), uncentred.
        weight: λ > 0; larger keeps more of the old behaviour.

    Returns:
        Δ, (d_out, d_in), float64.

    Raises:
        MethodError: the shapes disagree, λ is not positive, or the system is singular.

    >>> ridge_update(torch.eye(2), 2 * torch.eye(2), torch.eye(2), 1.0).round(decimals=9).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if residuals.shape[1] != keys.shape[1]:
        raise MethodError(f"{residuals.shape[1]} residuals for {keys.shape[1]} keys: one each is needed")
    return residuals.double() @ preserved_keys(keys, moment, weight).T


def weighed_update(
    keys: Tensor, residuals: Tensor, moment: Tensor, weight: float, share: float, *, rounded: bool = True
) -> Tensor:
    """Δ = α R Kᵀ ((1 − α) λ C + α K Kᵀ)⁻¹: EMCID's closed form, α between preserving (0) and editing (1).

    Computed as the authors do, with C scaled by (1 − α)/½ and K, R by √(α/½); at α = ½ it is `ridge_update`.

    Args:
        keys: K, (d_in, n).
        residuals: R, (d_out, n).
        moment: C, (d_in, d_in).
        weight: λ > 0.
        share: α in (0, 1). At 1 nothing would be preserved and the system is singular, so it is refused.
        rounded: scale C in float32, as the authors' code does: it moves Δ by up to 2e-5 of its norm where α ≠ ½.

    Returns:
        Δ, (d_out, d_in), float64.
    """
    if not 0 < share < 1:
        raise MethodError(f"edit weight {share}: must lie strictly between 0 (change nothing) and 1 (preserve nothing)")
    scaled = (moment.float() if rounded else moment.double()) * ((1 - share) / 0.5)
    gain = (share / 0.5) ** 0.5
    return ridge_update(keys.double() * gain, residuals.double() * gain, scaled, weight)

"""Ridge least squares with a preserved second moment, the closed form of locate-and-edit methods.

Solved in float64 by one Cholesky factorisation; no matrix is ever inverted.
"""

from collections.abc import MutableMapping
from typing import TypeAlias

import torch
from torch import Tensor

from iceb.base.errors import MethodError

Log: TypeAlias = MutableMapping[str, float]  # log entries of an edit
FLOAT32_NOISE = 2.0**-23
LIFTS = 8  # the last is about 2e-3 of the moment's norm; a matrix still indefinite is no second moment


def preserved_keys(keys: Tensor, moment: Tensor, weight: float, log: Log | None = None) -> Tensor:
    """A = (λ C + K Kᵀ)⁻¹ K, the keys whitened by the preserved second moment.

    Args:
        keys: K, (d_in, n), one column per edited concept.
        moment: C, (d_in, d_in), uncentred second moment of the layer's inputs.
        weight: λ > 0.
        log: receives the `lift`, see `_factor`.

    Returns:
        A, (d_in, n), float64.

    Raises:
        MethodError: the shapes disagree, λ is not positive, or C is no second moment.
    """
    K, C = keys.double(), moment.double()
    if weight <= 0:
        raise MethodError(
            f"the weight of the second moment is {weight}: it must be positive, else nothing is preserved"
        )
    if C.shape != (K.shape[0], K.shape[0]):
        raise MethodError(f"second moment {tuple(C.shape)} does not fit keys of width {K.shape[0]}")
    system = weight * C + K @ K.T  # (d_in, d_in)
    solution: Tensor = torch.cholesky_solve(K, _factor(system, weight * float(C.norm()), log))
    return solution


def _factor(system: Tensor, scale: float, log: Log | None) -> Tensor:
    """The Cholesky factor of λ C + K Kᵀ, lifted by as little as makes it definite.

    A moment that was summed in float32 carries rounding of about 1e-7 of its norm, so where few captions leave it
    without rank its small eigenvalues are noise of both signs. Solved as it stands, the answer would be that noise
    divided by itself; lifted by the noise's size, it stays near the shortest solution.
    Deviation: the authors' code solves such systems as they stand (LU).

    Args:
        system: λ C + K Kᵀ, (d_in, d_in), written to.
        scale: λ ‖C‖.
        log: its `lift` becomes the largest lift of all calls, as a share of λ ‖C‖; 0 where nothing was lifted.
    """
    lift = 0.0
    diagonal = torch.arange(len(system), device=system.device)
    for doubling in range(LIFTS):
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(system)
        if not failed:
            if log is not None:
                log["lift"] = max(log.get("lift", 0.0), lift / scale if lift else 0.0)
            return factor
        wanted = scale * FLOAT32_NOISE * 4**doubling
        system[diagonal, diagonal] += wanted - lift
        lift = wanted
    raise MethodError(
        "the closed form is singular: the second moment is not positive or not finite; "
        "take more captions for it or a larger moment weight"
    )


def moment_factor(moment: Tensor, log: Log | None = None) -> Tensor:
    """Lower Cholesky factor of a second moment C, (d, d) float64, lifted as `_factor` does.

    Raises:
        MethodError: C is no second moment.
    """
    C = moment.double()
    return _factor(C.clone(), float(C.norm()), log)


def ridge_update(keys: Tensor, residuals: Tensor, moment: Tensor, weight: float, log: Log | None = None) -> Tensor:
    """The smallest weight change that moves `keys` by `residuals` and leaves other keys alone.

    Solves  Δ = R Kᵀ (λ C + K Kᵀ)⁻¹, the minimiser of ‖Δ K − R‖² + λ tr(Δ C Δᵀ)  (MEMIT, arXiv:2210.07229, equation 14).

    Args:
        keys: K, (d_in, n), one column per edited concept.
        residuals: R, (d_out, n).
        moment: C = E[k kᵀ] over a caption corpus, (d_in, d_in), uncentred.
        weight: λ > 0; larger keeps more of the old behaviour.
        log: receives the `lift`, see `_factor`.

    Returns:
        Δ, (d_out, d_in), float64.

    Raises:
        MethodError: the shapes disagree, λ is not positive, or C is no second moment.

    >>> ridge_update(torch.eye(2), 2 * torch.eye(2), torch.eye(2), 1.0).round(decimals=9).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if residuals.shape[1] != keys.shape[1]:
        raise MethodError(f"{residuals.shape[1]} residuals for {keys.shape[1]} keys: one each is needed")
    return residuals.double() @ preserved_keys(keys, moment, weight, log).T


def weighted_update(
    keys: Tensor,
    residuals: Tensor,
    moment: Tensor,
    moment_weight: float,
    edit_weight: float,
    *,
    rounded: bool = True,
    log: Log | None = None,
) -> Tensor:
    """Δ = α R Kᵀ ((1 − α) λ C + α K Kᵀ)⁻¹: EMCID's closed form, α between preserving (0) and editing (1).

    Computed as the authors do, with C scaled by (1 − α)/½ and K, R by √(α/½); at α = ½ it is `ridge_update`.

    Args:
        keys: K, (d_in, n).
        residuals: R, (d_out, n).
        moment: C, (d_in, d_in).
        moment_weight: λ > 0.
        edit_weight: α in (0, 1). At 1 nothing would be preserved and the system is singular, so it is refused.
        rounded: scale C in float32, as the authors' code does: it moves Δ by up to 2e-5 of its norm where α ≠ ½.
        log: receives the `lift`, see `_factor`.

    Returns:
        Δ, (d_out, d_in), float64.

    Raises:
        MethodError: α is not between 0 and 1, or as `ridge_update`.
    """
    if not 0 < edit_weight < 1:
        raise MethodError(
            f"edit weight {edit_weight}: must lie strictly between 0 (change nothing) and 1 (preserve nothing)"
        )
    scaled = (moment.float() if rounded else moment.double()) * ((1 - edit_weight) / 0.5)
    gain = (edit_weight / 0.5) ** 0.5
    return ridge_update(keys.double() * gain, residuals.double() * gain, scaled, moment_weight, log)

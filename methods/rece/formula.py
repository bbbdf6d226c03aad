"""RECE's algebra in one (d, d) factor T, for any number of matrices and concepts.

All projections stay of the form W_i T, so the search for what still draws a concept needs only G = Σ W_iᵀ W_i, and the
erasure of what it found only second moments. Both steps are linear in the concepts' states: the adversarial rows are
E Hᵀ, E the concepts' rows, with one H for all, so no row is ever kept.
"""

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.attention import Moments, solve
from iceb.methods.rece.settings import Penalty


def attack(T: Tensor, G: Tensor, ridge: float, penalty: Penalty = "zero") -> Tensor:
    """H, (d, d), with which c* = H c makes the edited model answer as the unedited one does to c.

    "zero" minimises Σ ‖W_i T c* − W_i c‖² + r ‖c*‖² over c*: H = (r I + TᵀG T)⁻¹ TᵀG. The surrogates penalise what lies
    far from c: in the edited model's answer ("surrogate"), in the embedding ("surrogate_second"), or in both.

    Args:
        T: the factor of the edited model, (d, d) float64.
        G: Σ W_iᵀ W_i over the unedited projections, (d, d) float64.
        ridge: r ≥ 0; smaller is a stronger attack, and with r → 0 and T invertible H → T⁻¹.
        penalty: what r weighs.

    Returns:
        H, (d, d) float64.

    Raises:
        MethodError: the system is singular.
    """
    A, B, r = T.T @ G @ T, T.T @ G, ridge
    identity = torch.eye(len(T), dtype=T.dtype, device=T.device)
    system, target = {
        "zero": (r * identity + A, B),
        "surrogate": ((1 + r) * A, B + r * A),
        "surrogate_second": (r * identity + A, B + r * identity),
        "surrogate_both": (r * identity + (1 + r) * A, r * identity + B + r * A),
    }[penalty]
    factor, failed = torch.linalg.cholesky_ex((system + system.T) / 2)
    if failed or not bool(factor.isfinite().all()):
        raise MethodError(
            f"rece: the search for adversarial embeddings is singular with attack_ridge {ridge} and penalty {penalty}: "
            "take a larger attack_ridge, or penalty zero"
        )
    return torch.cholesky_solve(target, factor)


def attack_moments(moments: Moments, H: Tensor) -> Moments:
    """The moments of (c*, destination) pairs from those of (c, destination) pairs, where c* = H c."""
    old = H @ moments.old @ H.T
    return Moments((old + old.T) / 2, moments.cross @ H.T)


def erase_factor(T: Tensor, moments: Moments, retained_moment: Tensor, ridge: float) -> Tensor:
    """T (λ I + X + P)(λ I + C + P)⁻¹: erase the pairs behind `moments`, starting from T.

    Args:
        T: the factor so far, (d, d).
        moments: C = Σ c* c*ᵀ and X = Σ n c*ᵀ, weighted by the erase scale.
        retained_moment: P, the second moment of retained rows, weighted by the preserve scale, (d, d).
        ridge: λ > 0.
    """
    return T @ solve(moments.old + retained_moment, moments.cross + retained_moment, ridge)

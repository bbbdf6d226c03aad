"""EMCID's stage II in the null space of preserved keys, after AlphaEdit (arXiv:2410.02355).

Directions of the keys' space in which the caption corpus has next to no energy are found once, on the original encoder;
every weight change is confined to them, so that keys outside are not moved at all. All in float64.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.emcid.settings import NullSpace

FEWEST = 100  # directions that the rule "rel_mean" takes at least


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues and eigenvectors of a second moment."""

    values: Tensor  # (d,) float64, ascending, none negative
    vectors: Tensor  # (d, d) float64, one column each

    @classmethod
    def of(cls, moment: Tensor) -> "Spectrum":
        """The spectrum of C, (d, d), made symmetric first."""
        values, vectors = torch.linalg.eigh((moment.double() + moment.double().T) / 2)
        return cls(values.clamp(min=0), vectors)


def null_rank(values: Tensor, space: NullSpace) -> int:
    """The number of smallest eigenvalues that span the null space.

    >>> null_rank(torch.tensor([0.0, 0.01, 1.0, 3.0]), NullSpace("abs", 2e-2))
    2
    >>> null_rank(torch.tensor([0.0, 1.0, 1.0, 8.0]), NullSpace("energy", 0.15))
    2
    """
    if space.rule == "rank":
        return min(int(space.threshold), len(values))
    if space.rule == "energy":
        return int((values.cumsum(0) <= space.threshold * values.sum()).sum())
    unit = {"abs": 1.0, "rel_mean": float(values.mean()), "rel_max": float(values.max())}[space.rule]
    found = int((values < space.threshold * unit).sum())
    return max(found, min(FEWEST, len(values))) if space.rule == "rel_mean" else found


def projected_update(keys: Tensor, residuals: Tensor, basis: Tensor, lift: Tensor) -> Tensor:
    """Δ = R K₀ᵀ (K₀ K₀ᵀ + D)⁻¹ U₀ᵀ with K₀ = U₀ᵀ K: damped fit of Δ K to R in the span of U₀.

    It is  R Kᵀ P (K Kᵀ P + L2 I)⁻¹  with P = U₀ U₀ᵀ for D = L2 I, solved in the smaller of the two spaces.

    Args:
        keys: K, (d_in, n).
        residuals: R, (d_out, n).
        basis: U₀, (d_in, r), orthonormal columns.
        lift: the diagonal of D, (r,), positive.

    Returns:
        Δ, (d_out, d_in), float64.
    """
    R, U0, D = residuals.double(), basis.double(), lift.double()
    K0 = U0.T @ keys.double()  # (r, n)
    if K0.shape[1] < K0.shape[0]:
        damped = K0 / D[:, None]
        system = K0.T @ damped + torch.eye(K0.shape[1], dtype=D.dtype, device=D.device)
        small = torch.cholesky_solve(damped.T, torch.linalg.cholesky(system)).T  # (r, n)
    else:
        small = torch.cholesky_solve(K0, torch.linalg.cholesky(K0 @ K0.T + torch.diag(D)))
    found: Tensor = torch.linalg.multi_dot([R, small.T, U0.T])  # in the cheapest order
    return found


@dataclass
class NullSpaceSolver:
    """The projected closed form of every layer of one text encoder.

    Attributes:
        spectra: layer → spectrum of C on the original encoder.
        space: which directions are free, and the damping L2.
        edit_weight: α in (0, 1); L2 and λ count (1 − α) / α times, so that α = ½ is AlphaEdit's form.
        moment_weight: λ ≥ 0, a soft preservation λ C inside the null space; 0: none.
        component: the encoder's name, for the log.
        log: per layer the null space's rank, the mean energy of the keys in it and the corpus' share of energy in it.
    """

    spectra: Mapping[int, Spectrum]
    space: NullSpace
    edit_weight: float = 0.5
    moment_weight: float = 0.0
    component: str = "text_encoder"
    log: dict[str, float] = field(default_factory=dict)

    def __call__(self, layer: int, keys: Tensor, residuals: Tensor) -> Tensor:
        """Δ of a layer, (d, d_ff) float64, for keys K (d_ff, n) and residuals R (d, n).

        Raises:
            MethodError: the null space is everything, or smaller than the number of keys.
        """
        values = self.spectra[layer].values.to(keys.device)
        rank = null_rank(values, self.space)
        self._check(layer, rank, keys.shape[1], values)
        basis = self.spectra[layer].vectors[:, :rank].to(keys.device)
        energy = (basis.T @ keys.double()).square().sum(dim=0)  # (n,) kᵀ P k
        ridge = self.space.ridge * (float(energy.median()) if self.space.unit == "median" else 1.0)
        self._note(layer, null_rank=rank, key_energy=float(energy.mean()), ridge=ridge)
        self._note(layer, free_share=float(values[:rank].sum() / values.sum()))
        turned = (1 - self.edit_weight) / self.edit_weight
        return projected_update(keys, residuals, basis, turned * (self.moment_weight * values[:rank] + ridge))

    def _check(self, layer: int, rank: int, count: int, values: Tensor) -> None:
        if count <= rank < len(values):
            return
        wrong = "so nothing would be preserved" if rank == len(values) else f"too few for {count} keys"
        raise MethodError(
            f"null space of {self.component} layer {layer}: rule {self.space.rule!r} at {self.space.threshold:g} gives "
            f"{rank} of {len(values)} directions, {wrong}; the eigenvalues run from {float(values[0]):.2g} over "
            f"{float(values.median()):.2g} (median) to {float(values[-1]):.2g}: set null_space and threshold"
        )

    def _note(self, layer: int, **figures: float) -> None:
        self.log.update({f"{self.component}.{layer}.{name}": float(value) for name, value in figures.items()})

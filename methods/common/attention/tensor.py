"""UCE's 'tensor' technique: the new value without its component along the old one.

In matrix W, concept i aims at W e' − a W e with a = ⟨W E, W E'⟩ / ‖W E‖², inner product and norm over the whole block
of paired rows: one number per matrix and concept. All numbers of a matrix follow from its Gram matrix WᵀW, so that no
block is ever projected: ⟨W E, W E'⟩ = tr(WᵀW E'ᵀE).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from iceb.methods.common.attention.state_moments import Moments
from iceb.methods.common.attention.text_states import TextState
from iceb.methods.common.attention.token_rows import Pairing
from iceb.methods.common.text_encoder import slices

Pair: TypeAlias = tuple[TextState, TextState]
BUDGET = 2**29  # bytes for the sums of several matrices: SD-1.4 needs one pass, SDXL many
CONCEPTS_AT_ONCE = 16


@torch.no_grad()
def removed_moments(
    weights: Mapping[str, Tensor], pairs: Sequence[Pair], pairing: Pairing
) -> Iterator[tuple[str, Tensor]]:
    """(name, B) of each matrix, B = Σ_i a_i E_iᵀE_i, (d, d) float64: what K loses against 'replace'.

    Args:
        weights: name → W, (out, d).
        pairs: (old, new) text states of each concept.
        pairing: which rows of the two belong together.
    """
    names, width = list(weights), next(iter(weights.values())).shape[1]
    for start, stop in slices(len(names), max(1, BUDGET // (8 * width * width))):
        some = names[start:stop]
        yield from zip(some, _sum_moments([weights[name] for name in some], pairs, pairing), strict=True)


def _sum_moments(matrices: Sequence[Tensor], pairs: Sequence[Pair], pairing: Pairing) -> Tensor:
    """B of several matrices, (m, d, d)."""
    device, width = pairs[0][0].rows.device, matrices[0].shape[1]
    grams = torch.empty(len(matrices), width * width, dtype=torch.float64, device=device)
    for place, matrix in enumerate(matrices):
        W = matrix.to(grams)
        grams[place] = (W.T @ W).flatten()
    summed = torch.zeros_like(grams)
    for start, stop in slices(len(pairs), CONCEPTS_AT_ONCE):
        blocks = [Moments.of(*pairing(*pair)) for pair in pairs[start:stop]]
        old = torch.stack([block.old.flatten() for block in blocks])  # (n, d²)
        cross = torch.stack([block.cross.flatten() for block in blocks])
        summed += (grams @ cross.T / (grams @ old.T)) @ old
    return summed.view(len(matrices), width, width)

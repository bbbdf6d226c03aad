"""MACE's two closed forms (arXiv:2403.06135): refinement before training, fusion after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.common.attention import Factor, Moments, solve
from iceb.methods.mace.prompt_states import PromptStates
from iceb.methods.mace.rows import paired_rows

Term = tuple[Tensor, Tensor]  # down (r, d), up (d_out, r)


@dataclass(frozen=True, eq=False)
class ConceptTerms:
    """A concept's trained terms and the second moment of its prompts."""

    terms: Mapping[str, Term]  # parameter name → term; a parameter without one stays as refined
    moment: Tensor  # S = Σ c cᵀ, (d, d) float64


def refinement_moments(source: PromptStates, dest: PromptStates, all_words: bool) -> Moments:
    """Second moments of the rows that stage 1 maps, over all prompts of one concept.

    Args:
        source: its prompts.
        dest: the same prompts with the destination.
        all_words: False: pair context, end and pads (`rows.py`); True: pair every row with the row at its position.
    """
    old, new = source.rows, dest.rows
    if all_words:
        return Moments.of(old.flatten(0, 1), new.flatten(0, 1))
    pairs = [
        paired_rows(source.ids[each][: source.ends[each] + 1], dest.ids[each][: dest.ends[each] + 1], old.shape[1])
        for each in range(len(old))
    ]
    return Moments.of(
        torch.cat([states[rows] for states, (rows, _) in zip(old, pairs, strict=True)]),
        torch.cat([states[rows] for states, (_, rows) in zip(new, pairs, strict=True)]),
    )


def prompt_moment(source: PromptStates) -> Tensor:
    """S = Σ c cᵀ over all rows of one concept's prompts, (d, d) float64."""
    rows = source.rows.flatten(0, 1)
    return rows.T @ rows


def refinement(moments: Moments, kept: Tensor, ridge: float, scale: float, squared: bool = True) -> Tensor:
    """M of stage 1, which maps rows e of source prompts to rows e' of the destination's.

        W' = W M,  M = [λ I + Σ e' eᵀ + s² P][λ I + Σ e eᵀ + s² P]⁻¹

    Args:
        moments: summed over all concepts.
        kept: P = P₂ + w D₂, (d, d): second moments of captions, P₂, and of texts of the domain, D₂.
        ridge: λ ≥ 0, the authors' `lamb`.
        scale: s, the authors' `train_preserve_scale`.
        squared: their code multiplies by s twice; False multiplies once, as the formula reads.

    Returns:
        M, (d, d) float64.
    """
    preserved = (scale**2 if squared else scale) * kept.to(moments.old)
    return solve(moments.old + preserved, moments.cross + preserved, ridge)


def fusion(
    original: Mapping[str, Tensor],
    refined: Mapping[str, Tensor],
    concepts: Iterable[ConceptTerms],
    kept: Tensor,
    ridge: float,
    scale: float,
) -> dict[str, Tensor]:
    """Stage 3, the closed-form fusion: one weight for all concepts.

        W_f = [λ W_c + Σ_i (W_c + ΔW_i) S_i + s W₀ P][λ I + Σ_i S_i + s P]⁻¹
            = W_c + [Σ_i up_i (down_i S_i) + s (W₀ − W_c) P] A⁻¹

    computed in the second form: a concept costs one product of rank r per matrix, and nothing large cancels.

    Args:
        original: W₀ by name, (d_out, d).
        refined: W_c by name.
        concepts: read one after the other, so that they need not all be in memory.
        kept: P, (d, d), as for `refinement`.
        ridge: λ ≥ 0, the authors' `lamb`.
        scale: s, the authors' `fuse_preserve_scale`; not squared.

    Returns:
        name → W_f, float64.
    """
    P = scale * kept.double()
    system = P.clone()
    moved = {name: (original[name].to(P) - W.to(P)) @ P for name, W in refined.items()}  # (d_out, d) each
    for concept in concepts:
        system += concept.moment
        for name, (down, up) in concept.terms.items():
            moved[name] += up.to(P) @ (down.to(P) @ concept.moment)
    factor = Factor(system, ridge)
    return {name: refined[name].to(P) + factor.over(change) for name, change in moved.items()}

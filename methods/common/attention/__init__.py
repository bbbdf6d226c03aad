"""Closed-form edits of cross-attention: keys and values of the denoiser, written in one solve.

Every to_k/to_v matrix reads the same text states and has no bias. Let E be the rows (n, d) of what is edited, E' their
aligned new rows and P what is preserved. Then every matrix W gets the same right factor (UCE, arXiv:2308.14761,
equation 7; TIME, arXiv:2303.08084; MACE, arXiv:2403.06135, its closed-form refinement):

    A = s_e EᵀE + s_p PᵀP        K = s_e E'ᵀE + s_p PᵀP        M = (λ I + K)(λ I + A)⁻¹        W' = W M

    weights = projections(bundle)                   # {"unet.….attn2.to_v.weight": (out, d)}; all V, then all K
    reader = StateReader(bundle, scratch)           # texts → TextState: float64 rows (L, d), ids, last content token
    moments = pair_moments(reader, [("cat", "dog")], from_last_token)         # C = EᵀE and X = E'ᵀE, both (d, d)
    kept = preserved_moment(reader, texts, "all", scratch, bundle)            # PᵀP (d, d), kept in the scratch
    M = solve(moments.old + kept, moments.cross + kept, ridge=0.5)            # (d, d), one Cholesky
    edit = right_edit(weights, M)                                             # W M, and M itself as its compact form

A and K are given without λ I, which `Factor(A, λ)` and `solve(A, K, λ)` add. `Factor` keeps the Cholesky factor for
several right-hand sides: `Factor(A, λ).right(K)` is M.
Row rules (`from_last_token`, `last_token`, `all_tokens`) pair the rows of an old text with those of a new one.
"""

from iceb.methods.common.attention.projections import multiply_right, projections, right_edit
from iceb.methods.common.attention.solving import Factor, solve
from iceb.methods.common.attention.state_moments import Moments, pair_moments, preserved_moment
from iceb.methods.common.attention.text_states import StateReader, TextState
from iceb.methods.common.attention.token_rows import PAIRINGS, all_tokens, from_last_token, last_token

__all__ = [
    "PAIRINGS",
    "Factor",
    "Moments",
    "StateReader",
    "TextState",
    "all_tokens",
    "from_last_token",
    "last_token",
    "multiply_right",
    "pair_moments",
    "preserved_moment",
    "projections",
    "right_edit",
    "solve",
]

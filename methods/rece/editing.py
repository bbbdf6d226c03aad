"""RECE from requests to weights: a start by UCE, then rounds of attack and erasure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.methods.common.attention import (
    Moments,
    StateReader,
    all_tokens,
    from_last_token,
    pair_moments,
    preserved_moment,
    projections,
    right_edit,
    solve,
)
from iceb.methods.common.attention.state_moments import total
from iceb.methods.common.corpora import read_captions
from iceb.methods.common.text_encoder import slices
from iceb.methods.rece.formula import attack, attack_moments, erase_factor
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.rece import RECE

BLANK = " "  # what the authors erase towards where no destination is named
PAIRS_AT_ONCE = 64  # pairs whose states are in memory together


def make_edit(method: "RECE", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit W T of every cross-attention projection."""
    weights, reader = projections(bundle), StateReader(bundle, scratch)
    first, whole = request_moments(reader, requests)
    texts = retained_texts(method, requests)
    kept = preserved_moment(reader, texts, "all", scratch, bundle)
    T = torch.eye(len(kept), dtype=kept.dtype, device=kept.device)
    if method.start:
        T = starting_factor(method, first, kept, len(texts))
    T, log = rounds(method, T, gram(weights, kept, bundle, scratch), whole, kept)
    return right_edit(weights, T, log)


def request_moments(reader: StateReader, requests: Sequence[EditRequest]) -> tuple[Moments, Moments]:
    """Moments of (source, destination) rows: from the last subject token on, and of all positions."""
    pairs = [(request.source, (request.dest if request.dests else "") or BLANK) for request in requests]
    pieces = [pairs[start:stop] for start, stop in slices(len(pairs), PAIRS_AT_ONCE)]
    both = [[pair_moments(reader, piece, rows) for rows in (from_last_token, all_tokens)] for piece in pieces]
    return total(first for first, _ in both), total(whole for _, whole in both)


def retained_texts(method: "RECE", requests: Sequence[EditRequest]) -> list[str]:
    """The texts to retain: the settings' own, and the destinations that are nobody's source."""
    sources = {request.source.lower() for request in requests}
    dests = [dest for request in requests for dest in request.dests if method.retain_dests]
    named = [] if method.retain_file is None else read_captions(method.retain_file, "retained text")
    return [text for text in dict.fromkeys([*method.retain, *named, *dests]) if text.lower() not in sources]


def starting_factor(method: "RECE", moments: Moments, kept: Tensor, count: int) -> Tensor:
    """UCE's factor by its technique "replace", (d, d), with `count` retained texts of moment `kept`."""
    scale = method.start_preserve_scale
    kept = (max(0.1, round(1 / max(count, 1), 3)) if scale is None else scale) * kept
    return solve(moments.old + kept, moments.cross + kept, method.start_ridge)


def rounds(method: "RECE", T: Tensor, G: Tensor, moments: Moments, kept: Tensor) -> tuple[Tensor, dict[str, float]]:
    """T, (d, d), after all epochs, and of each epoch the relative size of the adversarial states."""
    log = {}
    for epoch in range(method.epochs):
        found = attack_moments(moments, attack(T, G, method.attack_ridge, method.penalty))
        log[f"attack_norm_{epoch}"] = float((found.old.trace() / moments.old.trace()).sqrt())
        T = erase_factor(T, method.erase_scale * found, method.preserve_scale * kept, method.ridge)
    return T, log


def gram(weights: Mapping[str, Tensor], like: Tensor, bundle: Bundle, scratch: Scratch) -> Tensor:
    """G = Σ WᵀW over all projections, (d, d) float64, made once per model."""

    def compute() -> Tensor:
        summed = torch.zeros_like(like)
        for W in weights.values():
            summed += W.to(like).T @ W.to(like)
        return summed

    key = {"what": "gram of the projections", "version": 1, "model": bundle.digest, "names": sorted(weights)}
    kept = scratch.depends_on().array(key, lambda: compute().cpu().numpy())
    return torch.from_numpy(kept.copy()).to(like)

"""The closed form of UCE in its two programs, for all matrices at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.methods.attention import Factor, Moments, StateReader, TextState, preserved, projections, right_edit
from iceb.methods.attention.moments import total
from iceb.methods.attention.rows import Pairing, from_last_token, last_token
from iceb.methods.attention.tensor import removed
from iceb.methods.uce.texts import blank, expanded, guides, names_of, others
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.uce import UCE, UCEEmcid


@dataclass(frozen=True)
class Problem:
    """A closed form to be solved: texts and weights."""

    pairs: Sequence[tuple[str, str]]  # (old, new)
    retain: Sequence[str]
    ridge: float
    erase_scale: float
    preserve_scale: float
    pairing: Pairing = from_last_token
    retained_rows: str = "all"
    tensor: bool = False
    keys: bool = True


def uce_edit(method: "UCE", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """The edit by the authors' own program, of 2023 or of 2025."""
    made = _of_2023(method, requests) if method.variant == 2023 else _of_2025(method, requests)
    return solved(made, bundle, scratch)


def emcid_edit(method: "UCEEmcid", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """The edit by the program in EMCID's repository."""
    pairs = [(old, blank(new)) for old, new in guides(requests, " ")]
    dests = [new for _, new in pairs if new.strip()]
    problem = Problem(
        pairs=pairs,
        retain=method.retain or dests or [""],
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=method.preserve_scale,
        tensor=method.technique == "tensor",
        keys=method.keys,
    )
    return solved(problem, bundle, scratch)


def _of_2023(method: "UCE", requests: Sequence[EditRequest]) -> Problem:
    bare = [(old, blank(new)) for old, new in guides(requests, method.guide or " ")]
    retain = ["", *_retained(method, bare)]
    scale = max(0.1, 1 / len(retain)) if method.preserve_scale is None else method.preserve_scale
    return Problem(
        pairs=expanded(bare, method.concept_type, both=False) if method.templates else bare,
        retain=retain,
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=scale,
        tensor=method.technique == "tensor",
        keys=method.keys,
    )


def _of_2025(method: "UCE", requests: Sequence[EditRequest]) -> Problem:
    default = "art" if method.concept_type == "art" else ""
    bare = guides(requests, default if method.guide is None else method.guide)
    return Problem(
        pairs=expanded(bare, method.concept_type, both=True) if method.templates else bare,
        retain=_retained(method, bare),
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=1.0 if method.preserve_scale is None else method.preserve_scale,
        pairing=last_token,
        retained_rows="last",
        keys=method.keys,
    )


def _retained(method: "UCE", pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The texts given and those of the file that are not edited."""
    if method.retain_file is None:
        return list(method.retain)
    names = names_of(Path(method.retain_file).expanduser())
    return [*method.retain, *others(names, [old for old, _ in pairs], method.retain_count)]


def solved(problem: Problem, bundle: Bundle, scratch: Scratch) -> Edit:
    """The edit that solves a closed form; with 'replace' all matrices share one right factor."""
    weights = projections(bundle, ("v", "k") if problem.keys else ("v",))
    reader = StateReader(bundle)
    states = reader([text for pair in problem.pairs for text in pair])
    pairs = list(zip(states[::2], states[1::2], strict=True))
    moments = problem.erase_scale * total(Moments.of(*problem.pairing(*pair)) for pair in pairs)
    kept = problem.preserve_scale * preserved(reader, problem.retain, problem.retained_rows, scratch, bundle)
    factor = Factor(moments.old + kept, problem.ridge)
    if problem.tensor:
        return Edit(weights=_without_the_old(problem, weights, pairs, factor, moments))
    return right_edit(weights, factor.right(moments.cross + kept))


@torch.no_grad()
def _without_the_old(
    problem: Problem,
    weights: dict[str, Tensor],
    pairs: Sequence[tuple[TextState, TextState]],
    factor: Factor,
    moments: Moments,
) -> dict[str, Tensor]:
    """W' = W + W (X − C − B) A⁻¹ with each matrix's own B = Σ_i a_i C_i, what 'tensor' takes out."""
    change = moments.cross - moments.old  # both carry s_e
    edited = {}
    for name, taken in removed(weights, pairs, problem.pairing):
        W = weights[name].to(taken)
        edited[name] = (W + factor.over(W @ (change - problem.erase_scale * taken))).to(weights[name])
    return edited

"""The closed form of UCE in its two programs, for all matrices at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.methods.common.attention import (
    Factor,
    Moments,
    StateReader,
    TextState,
    pair_moments,
    preserved_moment,
    projections,
    right_edit,
)
from iceb.methods.common.attention.state_moments import gram, state_moments, total
from iceb.methods.common.attention.tensor import removed_moments
from iceb.methods.common.attention.token_rows import Pairing, from_last_token, last_token
from iceb.methods.common.corpora import caption_corpus, read_captions, sample_captions, texts_naming
from iceb.methods.common.text_encoder import slices
from iceb.methods.uce.texts import blank_guide, edited_names, expand_pairs, guides, other_names
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.uce import UCE, UCEEmcid

PAIRS_AT_ONCE = 64  # pairs whose states are in memory together
RETAINED = 200  # requests whose destinations EMCID's repository retains


@dataclass(frozen=True)
class RetainedTexts:
    """Texts to preserve."""

    given: Sequence[str] = ()
    corpus: Sequence[str] = ()  # a long list, the same for all edits, so that its sum is made once
    dropped: Sequence[str] = ()  # texts of the corpus that are edited, and so not preserved

    def __len__(self) -> int:
        return len(self.given) + len(self.corpus) - len(self.dropped)

    def total(self, reader: StateReader, rows: str, scratch: Scratch, bundle: Bundle) -> Tensor:
        """PᵀP over all retained texts, (d, d) float64."""
        summed = preserved_moment(reader, self.given, rows, scratch, bundle)
        if self.corpus:
            summed += preserved_moment(reader, self.corpus, rows, scratch, bundle)
            summed -= gram(reader, self.dropped, rows, keep=True)
        return summed


@dataclass(frozen=True)
class Problem:
    """A closed form to solve: its texts and weights."""

    pairs: Sequence[tuple[str, str]]  # (old, new)
    retain: "RetainedTexts"
    ridge: float
    erase_scale: float
    preserve_scale: float
    pairing: Pairing = from_last_token
    retained_rows: str = "all"
    tensor: bool = False
    keys: bool = True


def make_edit(method: "UCE", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit by the authors' own program, of 2023 or of 2025."""
    program = _of_2023 if method.variant == 2023 else _of_2025
    return solve_problem(program(method, bundle, requests), bundle, scratch)


def emcid_edit(method: "UCEEmcid", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit by the program in EMCID's repository."""
    pairs = [(old, blank_guide(new)) for old, new in guides(requests, " ")]
    dests = [new for _, new in pairs[:RETAINED] if new.strip()]
    problem = Problem(
        pairs=pairs,
        retain=RetainedTexts(method.retain or dests or [""]),
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=method.preserve_scale,
        tensor=method.technique == "tensor",
        keys=method.keys,
    )
    return solve_problem(problem, bundle, scratch)


def _of_2023(method: "UCE", bundle: Bundle, requests: Sequence[EditRequest]) -> Problem:
    bare = [(old, blank_guide(new)) for old, new in guides(requests, method.guide or " ")]
    retain = _retained_texts(method, bundle, bare, ("", *method.retain))
    scale = max(0.1, 1 / len(retain)) if method.preserve_scale is None else method.preserve_scale
    return Problem(
        pairs=expand_pairs(bare, method.concept_type, both=False) if method.templates else bare,
        retain=retain,
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=scale,
        tensor=method.technique == "tensor",
        keys=method.keys,
    )


def _of_2025(method: "UCE", bundle: Bundle, requests: Sequence[EditRequest]) -> Problem:
    default = "art" if method.concept_type == "art" else ""
    bare = guides(requests, default if method.guide is None else method.guide)
    return Problem(
        pairs=expand_pairs(bare, method.concept_type, both=True) if method.templates else bare,
        retain=_retained_texts(method, bundle, bare, method.retain),
        ridge=method.ridge,
        erase_scale=method.erase_scale,
        preserve_scale=1.0 if method.preserve_scale is None else method.preserve_scale,
        pairing=last_token,
        retained_rows="last",
        keys=method.keys,
    )


def _retained_texts(
    method: "UCE", bundle: Bundle, pairs: Sequence[tuple[str, str]], given: Sequence[str]
) -> RetainedTexts:
    """The retained texts: given texts, names of the file and captions, without what is edited."""
    edited = [old for old, _ in pairs]
    names = [] if method.retain_file is None else read_captions(method.retain_file, "retained text")
    if method.retain_count is not None:
        names = other_names(names, edited, method.retain_count)
    captions = []
    if method.caption_count:
        corpus = caption_corpus(method.captions, bundle.ref.family, "uce")
        captions = [text for text in sample_captions(corpus, method.caption_count) if text]
    dropped = [*edited_names(names, edited), *texts_naming(captions, edited)]
    return RetainedTexts(given, [*names, *captions], dropped)


def solve_problem(problem: Problem, bundle: Bundle, scratch: Scratch) -> Edit:
    """Solve a closed form and return the edit; with 'replace' all matrices share one right factor."""
    weights = projections(bundle, ("v", "k") if problem.keys else ("v",))
    reader = StateReader(bundle, scratch)
    pairs = _states(reader, problem.pairs) if problem.tensor else []  # several passes: each matrix reads them again
    summed = state_moments(pairs, problem.pairing) if problem.tensor else _moments(reader, problem)
    moments = problem.erase_scale * summed
    kept = problem.preserve_scale * problem.retain.total(reader, problem.retained_rows, scratch, bundle)
    factor = Factor(moments.old + kept, problem.ridge)
    log = {"texts_retained": float(len(problem.retain))}
    if problem.tensor:
        return Edit(weights=_without_the_old(problem, weights, pairs, factor, moments), log=log)
    return right_edit(weights, factor.right(moments.cross + kept), log)


def _states(reader: StateReader, pairs: Sequence[tuple[str, str]]) -> list[tuple[TextState, TextState]]:
    states = reader([text for pair in pairs for text in pair])
    return list(zip(states[::2], states[1::2], strict=True))


def _moments(reader: StateReader, problem: Problem) -> Moments:
    """The pairs' summed moments, with few states in memory at a time."""
    pieces = [problem.pairs[start:stop] for start, stop in slices(len(problem.pairs), PAIRS_AT_ONCE)]
    return total(pair_moments(reader, piece, problem.pairing) for piece in pieces)


@torch.no_grad()
def _without_the_old(
    problem: Problem,
    weights: dict[str, Tensor],
    pairs: Sequence[tuple[TextState, TextState]],
    factor: Factor,
    moments: Moments,
) -> dict[str, Tensor]:
    """W' = W + W (X − C − B) A⁻¹ with each matrix's own B = Σ_i a_i C_i, which 'tensor' removes."""
    change = moments.cross - moments.old  # both carry s_e
    edited = {}
    for name, taken in removed_moments(weights, pairs, problem.pairing):
        W = weights[name].to(taken)
        edited[name] = (W + factor.over(W @ (change - problem.erase_scale * taken))).to(weights[name])
    return edited

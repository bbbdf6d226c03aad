"""Second moments of text states, (d, d): all that a closed form needs of its texts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.common.attention.text_states import StateReader, TextState, algebra_device
from iceb.methods.common.attention.token_rows import PAIRINGS, Pairing
from iceb.methods.common.text_encoder import slices
from iceb.specs.methods import Bundle, Scratch

PAIRS_CONCATENATED = 16  # pairs whose rows are concatenated


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows: of the old with themselves and of the new with the old."""

    old: Tensor  # C = Eᵀ E, (d, d) float64, symmetric
    cross: Tensor  # X = E'ᵀ E, (d, d) float64

    @classmethod
    def of(cls, old: Tensor, new: Tensor) -> "Moments":
        """The moments of paired rows E and E', (n, d) each."""
        return cls(old.T @ old, new.T @ old)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.old + other.old, self.cross + other.cross)

    def __rmul__(self, scale: float) -> "Moments":
        return Moments(scale * self.old, scale * self.cross)


def pair_moments(reader: StateReader, pairs: Sequence[tuple[str, str]], pairing: Pairing) -> Moments:
    """Summed moments of all (old text, new text) pairs; distinct texts are read once.

    Args:
        reader: reads the texts.
        pairs: old and new text of each; at least one.
        pairing: which rows of the two belong together.
    """
    states = reader([text for pair in pairs for text in pair])
    return state_moments(list(zip(states[::2], states[1::2], strict=True)), pairing)


def state_moments(pairs: Sequence[tuple[TextState, TextState]], pairing: Pairing) -> Moments:
    """Summed moments of pairs of texts already read; several pairs share one matrix product."""
    return total(_together(pairs[start:stop], pairing) for start, stop in slices(len(pairs), PAIRS_CONCATENATED))


def _together(pairs: Sequence[tuple[TextState, TextState]], pairing: Pairing) -> Moments:
    old, new = zip(*(pairing(*pair) for pair in pairs), strict=True)
    return Moments.of(torch.cat(old), torch.cat(new))


def total(parts: Iterable[Moments]) -> Moments:
    """Sum at least one tensor, in place into the first."""
    rest = iter(parts)
    first = next(rest)
    for part in rest:
        first.old.add_(part.old)
        first.cross.add_(part.cross)
    return first


def preserved_moment(reader: StateReader, texts: Sequence[str], rows: str, scratch: Scratch, bundle: Bundle) -> Tensor:
    """PᵀP over the rows of texts to preserve, computed once per model and list.

    Args:
        reader: reads the texts.
        texts: what to preserve; a text that is named twice counts twice; () gives zeros.
        rows: "all" (every position), "last" (the last content token), "from_last" (from there on).
        scratch: where the sum is kept.
        bundle: the model, whose digest is part of the key.

    Returns:
        (d, d) float64, not divided by the number of rows.
    """
    key = {"what": "preserved text states", "version": 1, "model": bundle.digest, "rows": rows, "texts": list(texts)}
    found = scratch.depends_on().array(key, lambda: gram(reader, texts, rows).cpu().numpy())
    return torch.from_numpy(found.copy()).to(algebra_device(torch.device(bundle.device)))


@torch.no_grad()
def gram(reader: StateReader, texts: Sequence[str], rows: str, *, keep: bool = False) -> Tensor:
    """PᵀP, (d, d) float64, over rows of texts, not stored; `keep` stores the texts' states."""
    blank = reader([""])[0].rows
    summed = blank.new_zeros(blank.shape[1], blank.shape[1])
    counts = Counter(texts)
    for state in reader.each(list(counts), keep=keep):
        chosen, _ = PAIRINGS[rows](state, state)
        # Only one (d, d) matrix is made: each costs as much as the sum.
        summed.addmm_(chosen.T, chosen, alpha=counts[state.text])
    return summed

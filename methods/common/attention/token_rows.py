"""Choose which token rows of an old text are edited, and towards which rows of the new text."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from torch import Tensor

from iceb.methods.common.attention.text_states import TextState

Pairing: TypeAlias = Callable[[TextState, TextState], tuple[Tensor, Tensor]]  # → E, E', both (n, d) float64


def from_last_token(old: TextState, new: TextState) -> tuple[Tensor, Tensor]:
    """Pair the rows from the last content token on: last, end and pad tokens (UCE of 2023).

    Both blocks are cut to the shorter one, 77 − max(f, f') rows. A blank new text has its start token in the place of
    the last content token.
    """
    count = len(old.read) - max(old.last, new.last)
    return old.rows[old.last : old.last + count], new.rows[new.last : new.last + count]


def last_token(old: TextState, new: TextState) -> tuple[Tensor, Tensor]:
    """Pair the last content tokens alone, (1, d) each (UCE of 2025); of a blank text the start token."""
    return old.rows[old.last : old.end], new.rows[new.last : new.end]


def all_tokens(old: TextState, new: TextState) -> tuple[Tensor, Tensor]:
    """Pair all rows by position: start token, content, end and pads."""
    return old.rows, new.rows


PAIRINGS: Mapping[str, Pairing] = {"from_last": from_last_token, "last": last_token, "all": all_tokens}

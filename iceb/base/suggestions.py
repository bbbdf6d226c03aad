"""Answer a name that does not exist with the nearest ones that do."""

import difflib
from collections.abc import Iterable

from iceb.base.messages import QUOTED, quote


def unknown(what: str, got: str, allowed: Iterable[str], listing: str = "") -> str:
    """The message for a name that does not exist: the nearest ones, or all when they are few.

    >>> unknown("task", "aise", ["aice", "road"])
    "unknown task 'aise': did you mean aice?"
    >>> unknown("field", "zzz", ["layers", "rate"])
    "unknown field 'zzz': choose one of layers, rate"
    """
    names = sorted(set(allowed))
    near = nearest(got, names)
    tail = f" ({listing} shows all)" if listing else ""
    if near:
        return f"unknown {what} {quote(got)}: did you mean {' or '.join(near)}?{tail}"
    if not names:
        return f"unknown {what} {quote(got)}: none is installed"
    return f"unknown {what} {quote(got)}: choose one of {', '.join(names)}"


def nearest(got: str, allowed: Iterable[str]) -> list[str]:
    """Up to three of the names that are much like `got`, the likest first.

    >>> nearest("sim", ["ssim", "vit_mini"])
    ['ssim']
    """
    return difflib.get_close_matches(got[:QUOTED], sorted(set(allowed)), n=3, cutoff=0.6)

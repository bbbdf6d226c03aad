"""Helpers that the checks of registered objects share: import, names, papers and comparisons."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from iceb.conformance.check_line import Broken, Skipped
from iceb.registry import Registered
from iceb.stores.arrays import Array

IMPORTED = "registered and importable"
PLACEHOLDER = re.compile(r"0000\.0{4,5}|x{3,}|\?{2,}|…|\.{3}|\b(todo|tbd|fixme|placeholder)\b", re.IGNORECASE)
Found = TypeVar("Found")


def import_object(entry: Registered, kind: type | None = None) -> Any:
    """Import the registered object.

    Raises:
        SpecError: it cannot be imported, or lacks what its group must offer.
        Broken: it is of another class than its group asks for.
    """
    found = entry.load()
    if kind is not None and not isinstance(found, kind):
        raise Broken(f"{entry.place} is a {type(found).__name__}: it must be a {kind.__name__}")
    return found


def require(value: Found | None, check: str) -> Found:
    """Return what an earlier check found.

    Raises:
        Skipped: nothing; that check says why.
    """
    if value is None:
        raise Skipped(f"see {check!r}")
    return value


def refuse(problems: Sequence[str]) -> None:
    """Fail with all problems in one message.

    Raises:
        Broken: something is.
    """
    if problems:
        raise Broken("; ".join(problems))


def name_problems(found: object, entry: Registered, what: str) -> list[str]:
    """Return a problem if an object's name is not that of its entry point."""
    if found == entry.name:
        return []
    return [f"{what} is {found!r:.80}, the entry point's is {entry.name!r}: give both one name"]


def paper_problems(paper: object) -> list[str]:
    """Return a problem if a paper is no text or a placeholder; the empty text says that there is no paper."""
    if not isinstance(paper, str):
        return [f"paper is {paper!r:.80}: must be text, such as arXiv:2403.13807, or empty"]
    if PLACEHOLDER.search(paper):
        return [f"the paper {paper!r:.80} is a placeholder: name the paper, or leave it empty"]
    return []


def differs(first: Array, second: Array, relative: float = 0.0, absolute: float = 0.0) -> str:
    """Describe how two arrays differ; "" if they agree within the tolerances."""
    if first.shape != second.shape:
        return f"shape {second.shape} instead of {first.shape}"
    if np.allclose(second, first, rtol=relative, atol=absolute, equal_nan=True):
        return ""
    return f"numbers differ by up to {np.nanmax(np.abs(second.astype(np.float64) - first)):.2g}"


def refuse_difference(first: object, second: object, what: str) -> None:
    """Fail if two objects are not equal.

    Raises:
        Broken: they differ; `what` is the message.
    """
    if first != second:
        raise Broken(what)


def counts_in_words(numbers: Mapping[str, int]) -> str:
    """Format counts with their names.

    >>> counts_in_words({"source": 15, "holdout": 1098})
    '15 source, 1098 holdout'
    """
    return ", ".join(f"{number} {name}" for name, number in numbers.items())

"""The meaning of a registered metric: metrics/meanings.toml, or the docstring of its class."""

import inspect
from typing import Any

from iceb.base.errors import SpecError
from iceb.registry import OWN, Registered
from iceb.specs.meanings import FILE, Meaning, read_meanings


def meaning_of(entry: Registered, metric: Any) -> Meaning:
    """Find the meaning of a registered metric; of another package's, what its class says of itself.

    Raises:
        SpecError: it is one of ours and has no entry.
    """
    if entry.package != OWN:
        return Meaning(definition=_summary(metric))
    if entry.name not in read_meanings():
        raise SpecError(f"metric {entry.name} has no entry in metrics/{FILE}: add one")
    return read_meanings()[entry.name]


def _summary(metric: Any) -> str:
    """Return the first paragraph of a class's docstring in one line."""
    said = inspect.cleandoc(type(metric).__doc__ or "").split("\n\n")[0]
    return " ".join(said.split()) or "Its package says nothing of it."

"""Read what a method's settings mean, from the section "Attributes:" of its class docstring."""

import dataclasses
import inspect
import re
import textwrap
from typing import Any

from iceb.base.fields import default_of, flat_hints, hints_of, literal_values

ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")  # "steps, rate: text", at the section's own indent
SECTION = "Attributes:"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting as a page shows it."""

    name: str
    default: str  # as Python writes it
    meaning: str  # "" where its author wrote none
    words: tuple[str, ...] = ()  # the values of a choice of words, else ()


def settings_of(method: type) -> list[Setting]:
    """Return the settings of a method's class in field order; a base class's text is used if it says more."""
    said: dict[str, str] = {}
    for kind in reversed(method.__mro__):
        if dataclasses.is_dataclass(kind):
            said |= attributes(kind.__dict__.get("__doc__") or "")
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(method)
    hints = hints_of(method)
    return [
        Setting(field.name, _default(field), said.get(field.name, ""), _words(hints.get(field.name)))
        for field in fields
    ]


def _words(hint: Any) -> tuple[str, ...]:
    """Return the values of a choice of words, None among them if it is allowed."""
    words = [str(word) for word in literal_values(hint)]
    return (*words, "None") if words and type(None) in flat_hints(hint) else tuple(words)


def _default(field: "dataclasses.Field[Any]") -> str:
    default = default_of(field)
    return "required" if default is dataclasses.MISSING else repr(default)


def attributes(docstring: str) -> dict[str, str]:
    """Parse a docstring's section "Attributes:"; several names may share an entry.

    >>> attributes("Title.\\n\\n    Attributes:\\n        a, b: numbers\\n            of things.\\n        c: text.")
    {'a': 'numbers of things.', 'b': 'numbers of things.', 'c': 'text.'}
    """
    _, found, rest = inspect.cleandoc(docstring).partition(SECTION)
    section = rest.strip("\n").split("\n\n")[0] if found else ""  # a blank line ends it
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in textwrap.dedent(section).splitlines():
        entry = ENTRY.match(line)
        if entry:
            names = entry[1].split(", ")
            entries |= dict.fromkeys(names, entry[2])
        else:
            entries |= {name: f"{entries[name]} {line.strip()}" for name in names}
    return entries

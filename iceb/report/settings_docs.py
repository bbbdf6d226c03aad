"""Read the documentation of a method's settings: from the class docstring, or from a comment at the field."""

import ast
import dataclasses
import inspect
import io
import re
import textwrap
import tokenize
from typing import Any

from iceb.base.fields import default_of

ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")  # "steps, rate: text", at the section's own indent
SECTION = "Attributes:"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One hyperparameter as a page shows it."""

    name: str
    default: str  # as Python writes it
    meaning: str  # "" where its author wrote none


def settings_of(method: type) -> list[Setting]:
    """Return the settings of a method's class in field order; a base class's text is used if it says more."""
    said: dict[str, str] = {}
    for kind in reversed(method.__mro__):
        if dataclasses.is_dataclass(kind):
            said |= {**comments(_source(kind)), **attributes(kind.__dict__.get("__doc__") or "")}
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(method)
    return [Setting(field.name, _default(field), said.get(field.name, "")) for field in fields]


def _default(field: "dataclasses.Field[Any]") -> str:
    default = default_of(field)
    return "required" if default is dataclasses.MISSING else repr(default)


def _source(kind: type) -> str:
    try:
        return textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        return ""  # typed into an interpreter


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


def comments(source: str) -> dict[str, str]:
    """Read the comments after the fields of a class, or in the lines directly above them.

    >>> comments("class A:\\n    # of steps\\n    n: int = 1\\n    m: int = 2  # as well")
    {'n': 'of steps', 'm': 'as well'}
    """
    if not source:
        return {}
    (kind,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    behind, alone = _comments_by_line(source)
    found: dict[str, str] = {}
    for node in kind.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = behind.get(node.end_lineno or node.lineno) or _above(node.lineno, alone)
            found |= {node.target.id: text} if text else {}
    return found


def _comments_by_line(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """Split comments into those after code and those on their own line."""
    behind: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            place = alone if token.line.lstrip().startswith("#") else behind
            place[token.start[0]] = token.string.lstrip("# ").strip()
    return behind, alone


def _above(line: int, alone: dict[int, str]) -> str:
    lines: list[str] = []
    while (line := line - 1) in alone:
        lines.insert(0, alone[line])
    return " ".join(lines)

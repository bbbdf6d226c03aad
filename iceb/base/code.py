"""Digests of Python code by what it computes, not by its layout; equal under every version of Python.

Comments, docstrings, blank lines, redundant brackets and imports for type checkers alone do not count.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from iceb.base.digest import digest, digest_bytes

ROOT = "iceb"
# Modules that change no number, or whose every value is in the keys as a value: a new message or field is no new code.
LEFT_OUT = (
    "iceb.base.cache",
    "iceb.base.cache_url",
    "iceb.base.code",
    "iceb.base.errors",
    "iceb.base.files",
    "iceb.base.messages",
    "iceb.base.out_of_memory",
    "iceb.base.progress",
    "iceb.models.checksum",
    "iceb.models.families",
    "iceb.models.process",
    "iceb.models.sources",
    "iceb.models.state",
    "iceb.models.model_watch",
    "iceb.registry",
    "iceb.specs",
    "iceb.stores",
)
UNREAD = ("ctx", "type_comment", "kind")  # fields of syntax nodes that add no information


def file_digest(path: Path) -> str:
    """Digest of a Python file's code; of its bytes where it cannot be parsed."""
    return _read(path)[0]


def imported_modules(path: Path) -> tuple[str, ...]:
    """Modules of iceb that a Python file imports, inside functions too, except LEFT_OUT.

    Their packages are included.
    """
    return _read(path)[1]


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """A file's digest and imports; it is parsed once a process."""
    data = path.read_bytes()
    try:
        tree = ast.parse(data)
        written = _syntax_text(tree).encode()
    except (SyntaxError, ValueError, RecursionError):  # a template, or code for another version of Python
        return digest_bytes(data), ()
    named = {name for candidate in _possible_modules(tree) for name in _with_packages(candidate)}
    return digest_bytes(written), tuple(sorted(name for name in named if affects_numbers(name) and module_file(name)))


def _syntax_text(node: Any) -> str:
    """The syntax below a node as text, without empty fields, which new Python versions add."""
    parts: list[str] = []
    _write_syntax(node, parts.append)
    return "".join(parts)


def _write_syntax(node: Any, write: Callable[[str], None]) -> None:
    if isinstance(node, ast.AST):
        if _says_nothing(node):
            return
        write(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if name not in UNREAD and value is not None and value != []:
                write(f" {name}=")
                _write_syntax(value, write)
        write(")")
    elif isinstance(node, list):
        for item in node:
            _write_syntax(item, write)
    else:
        write(ascii(node))


def _says_nothing(node: ast.AST) -> bool:
    """Whether a statement is a docstring, or is for type checkers alone."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.If) and _for_types(node.test) and not node.orelse


def _for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


@cache
def modules_digest(names: tuple[str, ...]) -> str:
    """Digest of the code of modules of iceb and of all modules of iceb that they import.

    Raises:
        ModuleNotFoundError: there is no module of such a name.
    """
    return digest({name: file_digest(path) for name, path in reachable_modules(names).items()})


def reachable_modules(names: Iterable[str]) -> dict[str, Path]:
    """Files by name of modules of iceb and of all that they import, except LEFT_OUT.

    Raises:
        ModuleNotFoundError: there is no module of such a name.
    """
    pending, found = list(names), dict[str, Path]()
    while pending:
        name = pending.pop()
        path = module_file(name)
        if path is None:
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        if name not in found:
            found[name] = path
            pending += imported_modules(path)
    return dict(sorted(found.items()))


def _possible_modules(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that may be an imported module of iceb."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if _says_nothing(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]  # none imports


def _with_packages(name: str) -> Iterator[str]:
    """A module with the packages that contain it, which Python runs first, except `iceb` itself."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(2, len(parts) + 1) if parts[0] == ROOT)


def affects_numbers(name: str) -> bool:
    """Whether a module of iceb can change a number."""
    return not any(name == part or name.startswith(f"{part}.") for part in LEFT_OUT)


@cache
def module_file(name: str) -> Path | None:
    """The file of a module of iceb, found without importing it; None where there is none."""
    _, *parts = name.split(".")
    spec = find_spec(f"{ROOT}.{parts[0]}") if parts else None
    if spec is None or len(parts) == 1:
        return Path(spec.origin) if spec and spec.origin else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *parts[1:])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None

"""Digest the code of a class that was typed into an interpreter or a notebook, where there is no file.

The bytecode of its functions counts, with what they name of the same session: functions, classes and plain values. So a
changed cell is a changed method, and what was stored of the earlier one is not taken for it. What it imports of other
modules counts by its name alone, as of iceb by its code; a module that is edited in between needs a new session.
"""

import inspect
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from iceb.base.code import ROOT, affects_numbers, file_digest, reachable_modules
from iceb.base.digest import digest

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
# Attributes of a class that Python makes, or that stand in keys by themselves.
NO_CODE = ("__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__", "card")


def interpreted_digest(kind: type) -> str:
    """Digest a class of an interpreter, 64 hex digits.

    >>> interpreted_digest(type("Nothing", (), {})) == interpreted_digest(type("Nothing", (), {}))
    True
    """
    found = _Content(kind.__module__)
    content = found.of(kind)
    used = {name for name in found.modules if name.partition(".")[0] == ROOT}
    files = {name: file_digest(path) for name, path in reachable_modules(filter(affects_numbers, used)).items()}
    return digest({"class": content, ROOT: files})


class _Content:
    """Reads functions and classes of one session, each once, and notes the modules that they name."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.modules: set[str] = set()
        self._seen: set[int] = set()

    def of(self, value: Any) -> str:
        """Describe a value by what decides what it does."""
        if isinstance(value, staticmethod | classmethod):
            return self.of(value.__func__)
        if isinstance(value, property):
            return " ".join(self.of(each) for each in (value.fget, value.fset) if each is not None)
        if isinstance(value, type | FunctionType) and getattr(value, "__module__", None) in (self.session, None):
            return self._own(value)
        if isinstance(value, ModuleType):
            self.modules.add(value.__name__)
            return value.__name__
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            self.modules.add(str(value.__module__))
            return f"{value.__module__}.{value.__qualname__}"
        return _plain_text(value)

    def _own(self, value: Any) -> str:
        if id(value) in self._seen:  # of functions that call each other
            return str(value.__qualname__)
        self._seen.add(id(value))
        parts = self._of_class(value) if isinstance(value, type) else self._of_function(value)
        return f"{value.__qualname__}({'; '.join(parts)})"

    def _of_class(self, kind: type) -> Iterator[str]:
        yield from (self.of(base) for base in kind.__bases__)
        yield str(inspect.get_annotations(kind))
        for name, value in sorted(vars(kind).items()):
            if name not in NO_CODE and not name.startswith(("__dataclass", "__annot", "__match", "__hash", "__repl")):
                yield f"{name}={self.of(value)}"

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        yield from self._of_code(function.__code__)
        yield from (self.of(each) for each in function.__defaults__ or ())
        yield from (f"{name}={self.of(each)}" for name, each in sorted((function.__kwdefaults__ or {}).items()))
        yield from (self.of(cell.cell_contents) for cell in function.__closure__ or () if cell != type(cell)())
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                yield f"{name}={self.of(function.__globals__[name])}"
            elif name.partition(".")[0] == ROOT:  # imported inside the function
                self.modules.add(name)

    def _of_code(self, code: CodeType) -> Iterator[str]:
        yield code.co_code.hex()
        yield f"{code.co_names}{code.co_varnames}{code.co_freevars}"
        for each in code.co_consts:
            yield from self._of_code(each) if isinstance(each, CodeType) else (_plain_text(each),)


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _plain_text(value: Any) -> str:
    """A plain value as text, a set in order; of any other object its class's name."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_plain_text, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_plain_text, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_plain_text(each)}' for key, each in value.items())}}}"
    return repr(value) if isinstance(value, PLAIN) else type(value).__qualname__

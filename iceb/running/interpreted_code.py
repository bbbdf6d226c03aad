"""Digest the code of a class that was typed into an interpreter or a notebook.

The bytecode of its functions counts, with what they name of the same session: functions, classes and objects, these
by their content. So a changed cell is a changed method, and what was stored of the earlier one is not taken for it.
What it imports of other modules counts by its name alone, as of iceb by its code; a module that is edited in between
needs a new session.
"""

import dis
import inspect
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from iceb.base.code import ROOT, affects_numbers, file_digest, reachable_modules
from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.running.object_content import PLAIN, Unreadable, global_name, parts_of, plain_text, unwrap

READS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "IMPORT_NAME")  # what reads a name of the session
# Attributes of a class that Python makes, or that stand in keys by themselves.
NO_CODE = {"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__", "card"}
NO_CODE |= {"_abc_impl", "__abstractmethods__"}
MADE = ("<locals>", "<lambda>")  # in the names of functions and classes that no module has under their name


def interpreted_digest(kind: type) -> str:
    """Digest a class of an interpreter, 64 hex digits.

    Raises:
        SpecError: it names an object whose content cannot be read, so that a change of it would not be seen.

    >>> interpreted_digest(type("Nothing", (), {})) == interpreted_digest(type("Nothing", (), {}))
    True
    """
    found = _Content(kind.__module__)
    try:
        content = found.of(kind)
    except Unreadable as error:
        raise SpecError(
            f"{kind.__qualname__} names {quote(found.name, 80)}, whose content cannot be read ({error}), so that a "
            "change of it would not be seen: make it inside a function of the class, or put the class into a module"
        ) from error
    used = {name for name in found.modules if name.partition(".")[0] == ROOT}
    files = {name: file_digest(path) for name, path in reachable_modules(filter(affects_numbers, used)).items()}
    return digest({"class": content, ROOT: files})


class _Content:
    """A reader of one session's functions, classes and objects, each read once.

    It notes the modules that they name.

    Attributes:
        name: of the session, or of a class, that was followed last.
    """

    def __init__(self, session: str) -> None:
        self.session = session
        self.name = ""
        self.modules: set[str] = set()
        self._seen: dict[int, tuple[int, Any]] = {}  # keeps what was read, so that no id is given twice

    def of(self, value: Any) -> str:
        """Describe a value by what decides what it does."""
        value = unwrap(value)
        if type(value) in PLAIN:
            return plain_text(value)
        if type(value) is tuple:
            return f"({', '.join(map(self.of, value))})"
        if isinstance(value, ModuleType):
            self.modules.add(value.__name__)
            return value.__name__
        if isinstance(value, type | FunctionType | BuiltinFunctionType) and not self._is_own(value):
            self.modules.add(str(value.__module__))
            return f"{value.__module__}.{value.__qualname__}"
        if id(value) in self._seen:  # of functions that call each other, and of an object with several names
            return f"#{self._seen[id(value)][0]}"
        self._seen[id(value)] = (len(self._seen), value)
        return self._own(value)

    def _is_own(self, value: Any) -> bool:
        """Whether a function or class is of the session, or made by a call: its name says too little."""
        if isinstance(value, BuiltinFunctionType):
            return not isinstance(value.__self__, ModuleType | type | None) and global_name(value, "") is None
        return value.__module__ in (self.session, None) or any(word in value.__qualname__ for word in MADE)

    def _own(self, value: Any) -> str:
        if isinstance(value, type):
            return f"{value.__qualname__}({'; '.join(self._of_class(value))})"
        if isinstance(value, FunctionType):
            return f"{value.__qualname__}({'; '.join(self._of_function(value))})"
        if type(value) in (set, frozenset):
            return f"{{{', '.join(sorted(map(self.of, value)))}}}"
        return f"[{', '.join(map(self.of, parts_of(value, self.session)))}]"

    def _of_class(self, kind: type) -> Iterator[str]:
        yield from (self.of(base) for base in kind.__bases__)
        yield str(inspect.get_annotations(kind))
        for name, value in sorted(vars(kind).items()):
            if name not in NO_CODE and not name.startswith(("__dataclass", "__annot", "__match", "__hash", "__repl")):
                yield self._line_of(name, value)

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        yield from self._of_code(function.__code__)
        yield from (self.of(each) for each in function.__defaults__ or ())
        yield from (f"{name}={self.of(each)}" for name, each in sorted((function.__kwdefaults__ or {}).items()))
        names = function.__code__.co_freevars
        cells = zip(names, function.__closure__ or (), strict=True)
        yield from (self._line_of(name, cell.cell_contents) for name, cell in cells if cell != type(cell)())
        yield from (self._line_of(name, each) for name, each in sorted(vars(function).items()))
        if (module := function.__globals__.get("__name__")) != self.session:  # made by another module, as a decorator
            self.modules.add(str(module))
            return
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                yield self._line_of(name, function.__globals__[name])
            elif name.partition(".")[0] == ROOT:  # imported inside the function
                self.modules.add(name)

    def _line_of(self, name: str, value: Any) -> str:
        self.name = name
        return f"{name}={self.of(value)}"

    def _of_code(self, code: CodeType) -> Iterator[str]:
        yield code.co_code.hex()
        yield f"{code.co_names}{code.co_varnames}{code.co_freevars}"
        for each in code.co_consts:
            yield from self._of_code(each) if isinstance(each, CodeType) else (self.of(each),)


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    own = {str(each.argval) for each in dis.get_instructions(code) if each.opname in READS}
    return own.union(*map(_names, inner))

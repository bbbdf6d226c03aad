"""Read the content of Python objects that decides what they do, so that changes of it are seen."""

import copyreg
import functools
import sys
import weakref
from types import MappingProxyType
from typing import Any, TypeVar

from iceb.base.digest import digest_bytes

PLAIN = (bool, int, float, complex, str, bytes, bytearray, type(None), type(...))  # exactly these: a subclass adds more


class Unreadable(Exception):
    """An object whose content cannot be read."""


def plain_text(value: Any) -> str:
    """Return a plain value as text, bytes by their digest.

    >>> plain_text(0.5), plain_text(True), plain_text("a")
    ('0.5', 'True', "'a'")
    """
    if isinstance(value, bytes | bytearray):
        return f"{type(value).__name__} {digest_bytes(bytes(value))}"
    return repr(value)


def unwrap(value: Any) -> Any:
    """Return what a wrapper of the language or of functools holds; any other value as it is.

    >>> unwrap(functools.cache(len)) is len
    True
    """
    if isinstance(value, staticmethod | classmethod):
        return (type(value).__name__, value.__func__)
    if isinstance(value, property):
        return ("property", value.fget, value.fset, value.fdel)
    if isinstance(value, functools.cached_property):
        return ("cached_property", value.func)
    if isinstance(value, functools._lru_cache_wrapper):
        return value.__wrapped__
    if isinstance(value, MappingProxyType):
        return dict(value)
    return value() if isinstance(value, weakref.ref) else value


def parts_of(value: Any, session: str) -> tuple[Any, ...]:
    """Return what makes an object: its items, its numbers, or what `pickle` would store of it.

    Args:
        session: the module that was typed; what only it names has no name.

    Raises:
        Unreadable: `pickle` cannot store it.
    """
    kind = type(value)
    if kind is list:
        return ("list", *value)
    if kind is dict:
        return ("dict", *value.items())
    try:
        return _tensor_parts(value) or _pickled_parts(value, session)
    except Exception as error:  # of another package's code
        raise Unreadable(f"{kind.__module__}.{kind.__qualname__}: {error}") from error


def _tensor_parts(value: Any) -> tuple[Any, ...]:
    """Type, shape and bytes of a tensor; nothing of another object."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return ()
    numbers = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return (type(value), str(value.dtype), tuple(value.shape), str(value.device), value.requires_grad, numbers)


def _pickled_parts(value: Any, session: str) -> tuple[Any, ...]:
    if isinstance(value, TypeVar):
        return ("TypeVar", value.__name__)
    reduce = copyreg.dispatch_table.get(type(value))
    found: Any = reduce(value) if reduce is not None else value.__reduce_ex__(4)
    if isinstance(found, str):
        if (name := global_name(value, session, found)) is None:
            raise TypeError(f"no module has it as {found}")
        return ("global", name)
    made, arguments, *rest = found
    state, items, pairs = (*rest, None, None, None)[:3]
    return (made, arguments, state, *(items or ()), *(pairs or ()))


def global_name(value: Any, session: str, name: str | None = None) -> str | None:
    """Return the name under which an imported module has an object; None where none has it.

    Of several modules that have it the object's own counts, else the outermost.

    >>> import math
    >>> global_name(math.sin, "__main__")
    'math.sin'
    """
    name = name or value.__name__
    named = {each: getattr(module, "__dict__", {}) for each, module in list(sys.modules.items()) if each != session}
    having = [each for each, names in named.items() if names.get(name) is value]
    own = getattr(value, "__module__", None)
    found = min(having, key=lambda each: (each != own, each.count("."), each), default=None)
    return None if found is None else f"{found}.{name}"

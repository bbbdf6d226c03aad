"""Let a function that takes one dataclass be called with that dataclass's fields as keyword arguments."""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
A = TypeVar("A")
R = TypeVar("R")
ATTRIBUTES = re.compile(r"\n\s*Attributes:\n(?P<lines>.*)", re.DOTALL)


def takes(kind: Callable[P, A]) -> Callable[[Callable[[A], R]], Callable[P, R]]:
    """Turn a function of `kind` into one of the keyword arguments that make it, with their documentation.

    Args:
        kind: a dataclass of keyword-only fields.
    """

    def with_keywords(function: Callable[[A], R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*positional: P.args, **given: P.kwargs) -> R:
            return function(kind(*positional, **given))

        call.__signature__ = inspect.signature(kind).replace(  # type: ignore[attr-defined]
            return_annotation=function.__annotations__.get("return", inspect.Signature.empty)
        )
        call.__doc__ = _with_arguments(inspect.getdoc(function) or "", kind)
        return call

    return with_keywords


def _with_arguments(text: str, kind: Any) -> str:
    """A docstring with a section of arguments behind its first paragraph."""
    first, _, rest = text.partition("\n\n")
    lines = "\n".join(line for each in kind.__mro__ if (line := _attribute_lines(each)))
    return "\n\n".join(part for part in (first, f"Args:\n{lines}", rest) if part)


def _attribute_lines(kind: type) -> str:
    found = ATTRIBUTES.search(inspect.cleandoc(kind.__doc__ or ""))
    return found["lines"].rstrip() if found else ""

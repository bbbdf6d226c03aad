"""Check a method's settings against the bounds in its fields' type annotations.

A method writes `steps: Count = 200` or `rate: Positive | None = None` and calls `check_fields` when it is made. What
depends on several fields at once it checks by itself.
"""

import dataclasses
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from iceb.base.errors import MethodError
from iceb.base.messages import quote


@dataclasses.dataclass(frozen=True)
class Bound:
    """A condition that a field's value must meet.

    Attributes:
        words: what is allowed, as a message says it: "must be at least 1".
        holds: whether a value meets it.
    """

    words: str
    holds: Callable[[Any], bool]


def one_of(*allowed: object) -> Bound:
    """The bound of a field that takes one of a few values."""
    return Bound(f"must be one of {', '.join(map(str, allowed))}", lambda value: value in allowed)


AT_LEAST_1 = Bound("must be at least 1", lambda value: value >= 1)
POSITIVE = Bound("must be positive", lambda value: value > 0)
NOT_NEGATIVE = Bound("must not be negative", lambda value: value >= 0)
Count: TypeAlias = Annotated[int, AT_LEAST_1]
Natural: TypeAlias = Annotated[int, NOT_NEGATIVE]
Positive: TypeAlias = Annotated[float, POSITIVE]  # NaN is refused as well, as by any bound
NotNegative: TypeAlias = Annotated[float, NOT_NEGATIVE]
Damping: TypeAlias = Annotated[float, Bound("must be positive, else the system may be singular", POSITIVE.holds)]


def check_fields(settings: Any, name: str) -> None:
    """Refuse a value outside the bounds of its field; of a Literal, one that it does not list.

    A list becomes a tuple first, so that equal settings are equal, and can be hashed, however they were given.

    Args:
        settings: a dataclass, which may be frozen.
        name: whose settings they are, for the message.

    Raises:
        MethodError: as it says; None is refused where the field does not allow it.

    >>> @dataclasses.dataclass
    ... class Settings:
    ...     steps: Count = 5
    ...     rate: Positive | None = None
    ...     loss: Literal["l1", "l2"] = "l1"
    >>> check_fields(Settings(), "nudge")
    >>> check_fields(Settings(loss="l3"), "nudge")
    Traceback (most recent call last):
    ...
    iceb.base.errors.MethodError: nudge loss 'l3': must be one of l1, l2
    """
    _freeze_lists(settings)
    optional = {name for name, hint in _hints(type(settings)).items() if NoneType in get_args(hint)}
    for field, bound in bounds_of(type(settings)):
        value = getattr(settings, field)
        if value is None and field in optional:
            continue
        if value is None or not bound.holds(value):
            raise MethodError(f"{name} {field} {quote(value)}: {bound.words}")


def _freeze_lists(settings: Any) -> None:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, list):
            object.__setattr__(settings, field.name, tuple(value))


def bounds_of(kind: type) -> list[tuple[str, Bound]]:
    """The bounds of a dataclass, each with the name of its field, in field order."""
    hints = _hints(kind)
    return [(field.name, bound) for field in dataclasses.fields(kind) for bound in _bounds(hints[field.name])]


def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _bounds(hint: Any) -> Iterator[Bound]:
    """The bounds that an annotation declares, in its order; of a choice between types only beside None."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Literal:
        yield one_of(*arguments)
    elif kind is Annotated:
        yield from (each for each in hint.__metadata__ if isinstance(each, Bound))
        yield from _bounds(hint.__origin__)
    elif kind in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
        yield from (bound for argument in arguments for bound in _bounds(argument))

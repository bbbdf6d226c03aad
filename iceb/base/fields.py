"""Read the default values of a dataclass's fields."""

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """Return a field's default; MISSING if it has none.

    >>> @dataclasses.dataclass
    ... class Settings:
    ...     rate: float = 0.1
    ...     layers: list = dataclasses.field(default_factory=list)
    >>> [default_of(field) for field in dataclasses.fields(Settings)]
    [0.1, []]
    """
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def defaults_of(kind: type) -> dict[str, Any]:
    """Return a dataclass's defaults by field, without the fields that have none.

    >>> @dataclasses.dataclass
    ... class Settings:
    ...     file: str
    ...     rate: float = 0.1
    >>> defaults_of(Settings)
    {'rate': 0.1}
    """
    found = {field.name: default_of(field) for field in dataclasses.fields(kind)}
    return {name: value for name, value in found.items() if value is not dataclasses.MISSING}


def differing(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Return the names whose value is another than the default, or which have none.

    >>> differing({"file": "a", "rate": 0.1, "steps": 5}, {"rate": 0.1, "steps": 3})
    ['file', 'steps']
    """
    return [name for name, value in values.items() if name not in defaults or value != defaults[name]]


def flat_hints(hint: Any) -> list[Any]:
    """Return the members of a union type, or the type alone.

    >>> flat_hints(int | str | None), flat_hints(tuple[int, ...])
    ([<class 'int'>, <class 'str'>, <class 'NoneType'>], [tuple[int, ...]])
    """
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    return [part for member in members for part in flat_hints(member)] if members else [hint]


def literal_values(hint: Any) -> tuple[Any, ...]:
    """Return the values that a type names one by one (`Literal`); () where it names none.

    >>> literal_values(Literal["sum", "sequence"] | None), literal_values(str)
    (('sum', 'sequence'), ())
    """
    return tuple(value for each in flat_hints(hint) if get_origin(each) is Literal for value in get_args(each))


def hints_of(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields; none where an annotation names what is not imported."""
    try:
        return get_type_hints(kind)
    except NameError:
        return {}

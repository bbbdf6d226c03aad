"""Defaults of dataclass fields."""

import dataclasses
from typing import Any


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

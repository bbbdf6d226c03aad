"""Read a sweep's file: TOML with the same words as the command's options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.base.readers import parse_toml, read_text
from iceb.base.suggestions import unknown
from iceb.specs.runs import Scalar

LISTS = {"methods": str, "tasks": str, "num_edits": int, "recipes": str, "metrics": str}
SINGLE = {"draws": int, "replicates": int, "limit": int, "share": float, "model": str, "budget": str}
SETTINGS = "settings"
KEYS = (*LISTS, *SINGLE, SETTINGS)
NEEDED = ("methods", "tasks", "num_edits")
WORDS = {str: "texts", int: "whole numbers"}
KINDS = {str: "a text", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class SweepFile:
    """The content of a sweep's file; what it leaves out stays as the command has it."""

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    num_edits: tuple[int, ...]
    recipes: tuple[str, ...] = ()
    draws: int | None = None
    replicates: int | None = None
    settings: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    limit: int | None = None
    share: float | None = None
    model: str | None = None
    budget: str | None = None


def read_sweep(path: Path) -> SweepFile:
    """Read a sweep's file.

    Raises:
        SpecError: it cannot be read, is not TOML, lacks a list, or holds an unknown key or a value of the wrong kind.
    """
    return parse_sweep(read_text(path, SpecError, "name a file of methods, tasks and num_edits"), str(path))


def parse_sweep(text: str, where: str) -> SweepFile:
    """Parse the text of a sweep's file.

    Raises:
        SpecError: as `read_sweep`.

    >>> parse_sweep('methods = ["uce"]\\ntasks = ["aice"]\\nnum_edits = [1, 10]', "s.toml").num_edits
    (1, 10)
    """
    found = parse_toml(text, where, SpecError)
    for key in found:
        if key not in KEYS:
            raise SpecError(f"{where}: {unknown('key', key, KEYS)}")
    if missing := [key for key in NEEDED if key not in found]:
        raise SpecError(f"{where}: lacks {', '.join(missing)}: a sweep must have {', '.join(NEEDED)}")
    lists: dict[str, Any] = {name: _list(found[name], name, where) for name in LISTS if name in found}
    single: dict[str, Any] = {name: _single(found[name], name, where) for name in SINGLE if name in found}
    settings = _settings(found.get(SETTINGS, {}), lists["methods"], where)
    return SweepFile(**lists, **single, settings=settings)


def _list(value: object, name: str, where: str) -> tuple[Any, ...]:
    kind = LISTS[name]
    items = value if isinstance(value, list) else [value]
    if any(type(item) is not kind for item in items):
        raise SpecError(f"{where}: {name} is {quote(value, 80)}: must be a list of {WORDS[kind]}")
    return tuple(items)


def _single(value: object, name: str, where: str) -> object:
    kind = SINGLE[name]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SpecError(f"{where}: {name} is {quote(value, 80)}: must be {KINDS[kind]}")
    return value


def _settings(value: object, methods: tuple[str, ...], where: str) -> dict[str, dict[str, Scalar]]:
    """The tables [settings.METHOD]."""
    tables = value if isinstance(value, dict) else {"": value}
    found: dict[str, dict[str, Scalar]] = {}
    for method, table in tables.items():
        if not isinstance(table, dict):
            raise SpecError(f"{where}: settings is {quote(value, 80)}: must be tables [settings.METHOD]")
        if method not in methods:
            raise SpecError(f"{where}: settings: {unknown('method of the sweep', method, methods)}")
        found[method] = {name: _setting(each, f"{method}.{name}", where) for name, each in table.items()}
    return found


def _setting(value: object, name: str, where: str) -> Scalar:
    items: list[Any] = value if isinstance(value, list) else [value]
    if any(not isinstance(item, bool | int | float | str) for item in items):
        raise SpecError(f"{where}: settings.{name} is {quote(value, 80)}: must be a number, a text or a flat list")
    found: Scalar = tuple(items) if isinstance(value, list) else items[0]
    return found

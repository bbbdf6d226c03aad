"""Read the entry points of installed packages, so that one with broken metadata harms no other."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint

from iceb.base.messages import printable, shorten

UNKNOWN = "unknown"


def entry_points(group: str) -> Sequence[EntryPoint]:
    """The entry points of a group, of every package whose metadata can be read."""
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # whatever a malformed file makes the parser raise, for every group at once
        return [entry for found in _readable() for entry in found if entry.group == group]


def _readable() -> Iterator[list[EntryPoint]]:
    for package in importlib.metadata.distributions():
        try:
            yield list(package.entry_points)
        except Exception:  # reported by `unreadable_packages`
            continue


def unreadable_packages() -> list[str]:
    """Paths of the packages whose entry points cannot be read, each with the reason."""
    found = []
    for package in importlib.metadata.distributions():
        try:
            _ = package.entry_points
        except Exception as error:
            found.append(shorten(printable(f"{_place(package)} ({type(error).__name__}: {error})")))
    return found


def _place(package: Distribution) -> str:
    return str(getattr(package, "_path", UNKNOWN))  # no public attribute tells it


def identity(entry: EntryPoint) -> tuple[str, str]:
    """Name and version of the package that registers an entry point, or "unknown"."""
    return (UNKNOWN, UNKNOWN) if entry.dist is None else _name_and_version(entry.dist)


@lru_cache(maxsize=256)  # a package has a hundred entries, and its metadata are parsed anew whenever they are asked for
def _name_and_version(package: Distribution) -> tuple[str, str]:
    try:
        return package.name or UNKNOWN, package.version or UNKNOWN
    except Exception:  # no metadata at all, or not UTF-8
        return UNKNOWN, UNKNOWN

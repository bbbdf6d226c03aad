"""Names become objects, late, through entry points: ours and everybody's in the same way.

Listing reads the entry points only; an object is imported when it is named, so a broken plugin disturbs nobody else.
"""

import difflib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Literal, get_args

from iceb.base.errors import SpecError
from iceb.base.messages import QUOTED, quoted

Group = Literal["methods", "datasets", "measures", "metrics", "tasks"]
GROUPS: tuple[Group, ...] = get_args(Group)

# What an object of each group must offer; checked when it is loaded, so that a mistake shows at the door.
EXPECTED: dict[Group, tuple[str, ...]] = {
    "methods": ("card", "edit", "__dataclass_fields__"),
    "datasets": ("package", "card", "load"),
    "measures": ("id", "revision", "inputs", "__call__"),
    "metrics": ("name", "version", "unit", "higher_is_better", "needs", "reduction", "__call__"),
    "tasks": ("name", "version", "dataset", "kind", "metrics", "headline", "edit_counts", "roles"),
}


@dataclass(frozen=True)
class Registered:
    """One registered name, not yet imported."""

    group: Group
    name: str
    package: str  # the distribution that registers it
    package_version: str
    place: str  # "module:object"

    @property
    def full_name(self) -> str:
        """`package/name`, which is never ambiguous."""
        return f"{self.package}/{self.name}"

    def load(self) -> Any:
        """Import the object.

        Raises:
            SpecError: the import fails, or the object does not offer what its group needs.
        """
        try:
            found = EntryPoint(self.name, self.place, f"iceb.{self.group}").load()
        except Exception as error:  # a plugin may raise anything while it is imported
            raise SpecError(
                f"{self._described} cannot be imported from {self.place}: {type(error).__name__}: {error}; "
                f"mend or reinstall the package {self.package}"
            ) from error
        missing = [name for name in EXPECTED[self.group] if not hasattr(found, name)]
        if missing:
            raise SpecError(
                f"{self._described} at {self.place} lacks {', '.join(missing)}: "
                f"it must offer {', '.join(EXPECTED[self.group])}"
            )
        return found

    @property
    def _described(self) -> str:
        return f"{self.group[:-1]} {self.name} of {self.package} {self.package_version}"


def registered(group: Group) -> list[Registered]:
    """Everything of a group, sorted by name, then package; nothing is imported."""
    return list(_scanned(group, entry_points, tuple(sys.path)))


@cache
def _scanned(group: Group, scan: Callable[..., EntryPoints], path: tuple[str, ...]) -> tuple[Registered, ...]:
    """What `scan` finds on the import path; kept, because reading every distribution's metadata takes a while."""
    found = {_registered(group, entry) for entry in scan(group=f"iceb.{group}")}
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.package)))


def _registered(group: Group, entry: EntryPoint) -> Registered:
    package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "unknown")
    return Registered(group, entry.name, package, version, entry.value)


def find(group: Group, name: str) -> Registered:
    """The one entry of that name; `package/name` chooses between packages.

    Raises:
        SpecError: no such name (with the nearest ones), or several packages register it.
    """
    entries = registered(group)
    matching = [entry for entry in entries if name in (entry.name, entry.full_name)]
    if not matching:
        raise SpecError(unknown(group[:-1], name, (entry.name for entry in entries), listing=f"iceb list {group}"))
    if len(matching) > 1:
        choices = " or ".join(entry.full_name for entry in matching)
        raise SpecError(f"{group[:-1]} {quoted(name)} is registered by {len(matching)} packages: ask for {choices}")
    return matching[0]


def load(group: Group, name: str) -> Any:
    """The object registered under `name`.

    Raises:
        SpecError: as `find` and `Registered.load`.
    """
    return find(group, name).load()


def unknown(what: str, got: str, allowed: Iterable[str], listing: str = "") -> str:
    """The message for a name that does not exist: the nearest ones, or all when they are few.

    >>> unknown("task", "aise", ["aice", "road"])
    "unknown task 'aise': did you mean aice?"
    >>> unknown("field", "zzz", ["layers", "rate"])
    "unknown field 'zzz': choose one of layers, rate"
    """
    names = sorted(set(allowed))
    near = difflib.get_close_matches(got[:QUOTED], names, n=3, cutoff=0.6)
    tail = f" ({listing} shows all)" if listing else ""
    if near:
        return f"unknown {what} {quoted(got)}: did you mean {' or '.join(near)}?{tail}"
    if not names:
        return f"unknown {what} {quoted(got)}: none is installed"
    return f"unknown {what} {quoted(got)}: choose one of {', '.join(names)}"

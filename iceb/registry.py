"""Find and import registered objects by name, through entry points, ours and third-party alike.

Listing reads the entry points only; an object is imported when it is named, so a broken plugin does not affect others.
While a third-party package is imported, its output is captured and its time limited (ICEB_PLUGIN_SECONDS, 60); one
that changes settings of torch for the whole process is refused.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args

from iceb.base.contained import Overtime, hold_output, limit_time, watch_interrupts
from iceb.base.errors import SpecError
from iceb.base.frames import describe
from iceb.base.messages import quote
from iceb.base.packages import entry_points, identity, unreadable_packages
from iceb.base.suggestions import unknown
from iceb.base.torch_state import keep_torch_settings

Group = Literal["methods", "datasets", "measures", "metrics", "tasks"]
GROUPS: tuple[Group, ...] = get_args(Group)
OWN = "iceb"  # the package whose names are reserved
SECONDS = 60.0  # seconds for the import of a third-party package
_CHANGING: dict[str, str] = {}  # modules whose import changed settings of torch, and which

# Attributes that an object of each group must have, checked when it is loaded.
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

    @property
    def public_name(self) -> str:
        """The name in runs and results: ours bare, others' with their package, so that none passes for ours."""
        return self.name if self.package == OWN else self.full_name

    def load(self) -> Any:
        """Import the object.

        Raises:
            SpecError: the import fails, takes too long or changes settings of torch, or the object does not offer what
                its group needs.
        """
        if not EntryPoint.pattern.match(self.place):
            raise SpecError(f"{self._description} names the place {quote(self.place)}: must be module:object")
        return self._import() if self.package == OWN else self._import_contained()

    def _import(self) -> Any:
        found = EntryPoint(self.name, self.place, f"iceb.{self.group}").load()
        missing = [name for name in EXPECTED[self.group] if not hasattr(found, name)]
        if missing:
            raise _LacksError(f"lacks {', '.join(missing)}: it must offer {', '.join(EXPECTED[self.group])}")
        return found

    def _import_contained(self) -> Any:
        """Import third-party code, which may raise, print or change anything."""
        module, seconds = self.place.partition(":")[0].partition(".")[0], _seconds()
        if module in sys.modules and module in _CHANGING:  # a second import would not change the settings again
            raise SpecError(self._changes(_CHANGING[module]))
        with watch_interrupts() as interrupted, hold_output() as said, keep_torch_settings() as put_back:
            try:
                with limit_time(seconds):
                    found = self._import()
            except _LacksError as error:
                raise SpecError(f"{self._description} at {self.place} {error}") from error
            except Overtime as error:
                remedy = "mend it, or set ICEB_PLUGIN_SECONDS to more, 0 for no limit"
                raise SpecError(f"{self._failure} within {seconds:g} s{_printed_text(said())}: {remedy}") from error
            except BaseException as error:  # SystemExit too
                if interrupted.is_set():
                    raise
                remedy = f"mend it, or reinstall the package {self.package}"
                raise SpecError(f"{self._failure}: {describe(error)}{_printed_text(said())}; {remedy}") from error
            if changed := put_back():
                _CHANGING[module] = changed
                raise SpecError(self._changes(changed))
            return found

    def _changes(self, changed: str) -> str:
        remedy = "set it inside a call alone, and back after it"
        return f"{self._description} changes {changed} for every model when {self.place} is imported: {remedy}"

    @property
    def _description(self) -> str:
        return f"{self.group[:-1]} {self.name} of {self.package} {self.package_version}"

    @property
    def _failure(self) -> str:
        return f"{self._description} cannot be imported from {self.place}"


class _LacksError(Exception):
    """An object lacks an attribute that its group requires."""


def _printed_text(text: str) -> str:
    return f"; it printed {quote(text)}" if text else ""


def _seconds() -> float:
    """Seconds that the import of a third-party package may take; 0 for no limit."""
    text = os.environ.get("ICEB_PLUGIN_SECONDS", "")
    try:
        seconds = float(text or SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SpecError(f"ICEB_PLUGIN_SECONDS={quote(text)}: must be a number of seconds, 0 for no limit")
    return seconds


def entries_of(group: Group) -> list[Registered]:
    """Everything of a group, sorted by name, then package; nothing is imported."""
    return list(_scan(group, entry_points, tuple(sys.path)))


@cache
def _scan(group: Group, scan: Callable[[str], Sequence[EntryPoint]], path: tuple[str, ...]) -> tuple[Registered, ...]:
    """The entries that `scan` finds on the import path; cached, since reading all metadata is slow."""
    found = {Registered(group, entry.name, *identity(entry), entry.value) for entry in scan(f"iceb.{group}")}
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.package)))


def name_problem(entry: Registered, card_name: str) -> str:
    """Why a method cannot be used whose card has another name than its entry point; "" if they agree."""
    if card_name == entry.name:
        return ""
    return (
        f"its card's name is {card_name!r} and its entry point's {entry.name!r}: give both one name, which is then the "
        "method's everywhere"
    )


def shortest_name(entry: Registered) -> str:
    """The shortest name by which `find` finds this entry; ambiguous names need the package."""
    twins = [each for each in entries_of(entry.group) if each.name == entry.name]
    return entry.name if len(twins) == 1 or entry.package == OWN else entry.full_name


def find(group: Group, name: str) -> Registered:
    """Find the entry of a name; `package/name` chooses between packages, and bare names prefer ours.

    Raises:
        SpecError: no such name (with the nearest ones), or several packages register it.
    """
    entries = entries_of(group)
    matching = [entry for entry in entries if entry.full_name == name] or [
        each for each in entries if each.name == name
    ]
    matching = [entry for entry in matching if entry.package == OWN] or matching
    if not matching:
        raise SpecError(
            unknown(group[:-1], name, map(shortest_name, entries), f"iceb list {group}") + _unreadable_note()
        )
    if len(matching) > 1:
        places = len({entry.full_name for entry in matching}) == 1
        choices = " or ".join(entry.place if places else entry.full_name for entry in matching)
        what = f"package {matching[0].package} more than once" if places else f"{len(matching)} packages"
        remedy = f"it must choose {choices}" if places else f"ask for {choices}"
        raise SpecError(f"{group[:-1]} {quote(name)} is registered by {what}: {remedy}")
    return matching[0]


def _unreadable_note() -> str:
    found = unreadable_packages()
    return f"; packages whose metadata cannot be read: {', '.join(found)}" if found else ""


def load(group: Group, name: str) -> Any:
    """The object registered under `name`.

    Raises:
        SpecError: as `find` and `Registered.load`.
    """
    return find(group, name).load()

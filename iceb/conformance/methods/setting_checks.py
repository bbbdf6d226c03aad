"""Vary each setting: no cached part may be reused under settings that would compute another.

Scratch filled under the plain settings (warm) is compared with scratch filled anew (cold), key by key. A part
whose key omits a setting that changes it would be reused under another value of that setting, and two rows of a
table would show the same numbers. Where a cold edit reads such a part and stores none, a warm edit is made too.
"""

import dataclasses
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iceb.base.digest import digest_array
from iceb.base.errors import IcebError
from iceb.base.fields import defaults_of, flat_hints, hints_of, literal_values
from iceb.base.wording import count_text
from iceb.conformance.check_line import Broken, Line, Skipped, error_text, lines_with_rest
from iceb.conformance.methods.edit_checks import PlainEdit
from iceb.conformance.methods.method_under_test import MethodUnderTest, digest_of
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Scalar
from iceb.stores.arrays import Array
from iceb.stores.scratch import ScratchStore

CHECK = "every setting, warm against cold"


@dataclass
class SettingChecks:
    """Change each setting of a method alone, while time is left."""

    plain_edit: PlainEdit
    seconds: float  # seconds for all settings; inf: no limit
    everywhere: list[str] = field(default_factory=list)  # settings that every stored part names, which need no test
    varied: list[str] = field(default_factory=list)
    untried: dict[str, str] = field(default_factory=dict)  # setting → why
    stale: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  # settings for which no time was left

    def lines(self) -> Iterator[Line]:
        """One line on the settings that were varied, and one on those left out for lack of time."""
        yield from lines_with_rest(CHECK, self._all, self.late)

    def _all(self) -> str:
        self.plain_edit.require_edit()
        under_test = self.plain_edit.under_test
        if not under_test.card.deterministic:
            raise Skipped("the card says deterministic=False")
        began = time.perf_counter()
        plain = _fill_scratch(under_test, self._requests)
        took = time.perf_counter() - began
        if not plain.parts:
            raise Skipped("the method keeps nothing in scratch")
        for name in (each.name for each in dataclasses.fields(under_test.chosen.method) if each.init):
            if all(name in part.names for part in plain.parts.values()):
                self.everywhere.append(name)
            elif time.perf_counter() - began + took > self.seconds:
                self.late.append(name)
            else:
                self._try(name, plain)
        if self.stale:
            raise Broken("; ".join(self.stale))
        if not (self.varied or self.everywhere or self.untried):
            raise Skipped("no time for any" if self.late else "the method has no settings")
        return self._summary()

    @property
    def _requests(self) -> Sequence[EditRequest]:
        """A single request, which fills scratch with the same kinds of parts as several, in less time."""
        return self.plain_edit.requests[:1]

    def _try(self, name: str, plain: "_RecordingScratch") -> None:
        """Vary one setting and record the cached parts that it would wrongly reuse."""
        try:
            under_test = _vary(self.plain_edit.under_test, name)
            stale = _stale(under_test, self._requests, plain)
        except Skipped as reason:
            self.untried[name] = str(reason)
        except Exception as error:  # a third-party method may raise anything, which another check judges
            self.untried[name] = error_text(error) if isinstance(error, IcebError) else f"raised {type(error).__name__}"
        else:
            self.varied.append(name)
            value = getattr(under_test.chosen.method, name)
            self.stale += [
                f"{name}={value!r} makes another {what!r} under the same key: name {name} in its depends_on"
                for what in stale
            ]

    def _summary(self) -> str:
        reasons: dict[str, list[str]] = {}
        for name, why in self.untried.items():
            reasons.setdefault(why, []).append(name)
        parts = [f"{len(self.varied)} varied"] if self.varied else []
        parts += [f"{count_text(len(self.everywhere), 'setting')} in every key"] if self.everywhere else []
        parts += [f"not {', '.join(names)}: {why}" for why, names in reasons.items()]
        return "; ".join(parts)


@dataclass(frozen=True)
class Part:
    """One part that a method stored in scratch."""

    what: str  # name from its key
    names: frozenset[str]  # settings in its key
    content: str  # digest


class _RecordingScratch(ScratchStore):
    """A scratch store that records the keys that are read and the parts that are stored."""

    def __init__(self, root: Path, owner: Mapping[str, Any], settings: Mapping[str, Scalar]) -> None:
        super().__init__(root, owner, settings)
        self.asked: set[str] = set()
        self.parts: dict[str, Part] = {}

    def _key(self, key: Mapping[str, Any]) -> str:
        name = super()._key(key)
        self.asked.add(name)
        return name

    def _publish(self, key: Mapping[str, Any], array: Array) -> Array:
        kept = super()._publish(key, array)
        part = Part(str(key.get("what", "")), frozenset(self._named), digest_array(kept))
        self.parts[self._key(key)] = part
        return kept


def _fill_scratch(under_test: MethodUnderTest, requests: Sequence[EditRequest]) -> _RecordingScratch:
    """Make an edit with empty scratch and return the filled store."""
    scratch = under_test.scratch_of(_RecordingScratch)
    under_test.edit(requests, scratch)
    return scratch


def _stale(under_test: MethodUnderTest, requests: Sequence[EditRequest], plain: _RecordingScratch) -> list[str]:
    """Name cached parts that an edit under varied settings would reuse although it computes others."""
    cold = under_test.scratch_of(_RecordingScratch)
    edit = under_test.edit(requests, cold)
    found = {key: part for key, part in plain.parts.items() if key in cold.asked}
    stale = {part.what for key, part in found.items() if key in cold.parts and cold.parts[key].content != part.content}
    only_asked = {part.what for key, part in found.items() if key not in cold.parts}
    if not stale and only_asked:
        warm = under_test.scratch_of(_RecordingScratch)
        shutil.copytree(plain.folder, warm.folder, dirs_exist_ok=True)
        stale = only_asked if digest_of(under_test.edit(requests, warm)) != digest_of(edit) else set()
    return sorted(stale)


def _vary(under_test: MethodUnderTest, name: str) -> MethodUnderTest:
    """Return the method with another value of one setting, in a folder of its own.

    Raises:
        Skipped: no other value is known, or the method accepts none of those that are.
    """
    method, card = under_test.chosen.method, under_test.card
    if name in (*card.files, *card.models, *card.judges):
        raise Skipped("names a file or a model")
    values = other_values(method, name)
    if not values:
        raise Skipped("no other value known")
    for value in values:
        try:
            return under_test.with_setting(name, value, f"varied-{name}")
        except Exception:  # the method refuses this value; try the next
            continue
    raise Skipped("other values are refused")


def other_values(method: Any, name: str) -> Sequence[Scalar]:
    """Propose other values of a setting, the best first; () if none can be derived.

    The default comes last: where quick settings differ from it, it may be slow, or load a further model.
    """
    value: Any = getattr(method, name)
    default = defaults_of(type(method)).get(name, value)
    hints = flat_hints(hints_of(type(method)).get(name))
    near = [other for other in _near(value, hints) if other != default]
    return near if default == value else [*near, default]


def _near(value: Any, hints: Sequence[Any]) -> list[Scalar]:
    """Propose other values of the same type."""
    words = [word for hint in hints for word in literal_values(hint)]
    if words:
        return [word for word in words if word != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.5, value / 1.5] if value else [0.5, 1.0]
    if isinstance(value, tuple):
        return _near_tuple(value)
    return [start for kind, start in STARTS.items() if kind in hints] if value is None else []


def _near_tuple(value: tuple[Any, ...]) -> list[Scalar]:
    """Propose a shorter tuple, or the neighbours of a single integer."""
    if len(value) == 1 and isinstance(value[0], int):
        return [(number,) for number in (value[0] - 1, value[0] + 1) if number >= 0]
    return [value[:-1]] if len(value) > 1 else []


STARTS: dict[type, Scalar] = {bool: True, int: 1, float: 0.5}  # where a setting is None

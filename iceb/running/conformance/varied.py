"""Every setting varied: what other settings left in scratch must not change the bytes of an edit.

A part that is kept under a key without a setting that changed it is found again under another value of that setting,
and two rows of a table show the same numbers.
"""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from iceb.base.errors import IcebError
from iceb.running.conformance.bench import Bench, name_of
from iceb.running.conformance.contract import Contract
from iceb.running.conformance.lines import Broken, Line, Skipped, line, said
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Scalar
from iceb.stores.arrays import Array
from iceb.stores.scratch import ScratchStore

CHECK = "every setting, warm against cold"


@dataclass
class Varied:
    """The settings of one method, each changed alone, while time is left."""

    contract: Contract
    seconds: float  # for all of them; inf: however long it takes
    varied: list[str] = field(default_factory=list)
    untried: dict[str, str] = field(default_factory=dict)  # setting → why
    stale: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  # settings for which no time was left

    def lines(self) -> Iterator[Line]:
        """One line on all settings that were varied, and one on those for which no time was left."""
        yield line(CHECK, self._all)
        if self.late:
            yield Line(f"{CHECK}: the rest", "skipped", f"no time for {', '.join(self.late)}: --full takes it")

    def _all(self) -> str:
        self.contract.made()
        if not self.contract.bench.card.deterministic:
            raise Skipped("the card says deterministic=False")
        began = time.perf_counter()
        self.contract.bench.edit(self._requests, self._plain)
        took = time.perf_counter() - began  # of one edit; a setting needs two
        for name in _names(self.contract.bench):
            if time.perf_counter() - began + 2 * took > self.seconds:
                self.late.append(name)
            else:
                self._try(name)
        if self.stale:
            raise Broken("; ".join(self.stale))
        return self._told()

    @cached_property
    def _plain(self) -> ScratchStore:
        """The store in which an edit with the plain settings leaves what it keeps."""
        return self.contract.bench.scratch()

    @property
    def _requests(self) -> Sequence[EditRequest]:
        """One request: as many parts as any number of them, in less time."""
        return self.contract.requests[:1]

    def _try(self, name: str) -> None:
        """Vary one setting and note how that went."""
        try:
            bench = _changed(self.contract.bench, name)
            kept = self._kept_wrongly(bench, name)
        except Skipped as reason:
            self.untried[name] = str(reason)
        except Exception as error:  # a method of others may raise anything; whether it should is another check's matter
            self.untried[name] = said(error) if isinstance(error, IcebError) else f"raised {type(error).__name__}"
        else:
            self.varied.append(name)
            if kept:
                self.stale.append(kept)

    def _kept_wrongly(self, bench: Bench, name: str) -> str:
        """What is wrong with an edit that finds what the plain settings left; "" where nothing is."""
        warm = bench.scratch_in(self._plain.folder.parent, _Watched)
        edit = bench.edit(self._requests, warm)
        if not warm.found or name_of(edit) == name_of(bench.edit(self._requests)):
            return ""
        plain, value = (getattr(each.chosen.method, name) for each in (self.contract.bench, bench))
        return (
            f"{name}={value!r} gives other bytes where {name}={plain!r} left something in scratch: name {name} in "
            "scratch.depends_on, or keep it without"
        )

    def _told(self) -> str:
        reasons: dict[str, list[str]] = {}
        for name, why in self.untried.items():
            reasons.setdefault(why, []).append(name)
        skipped = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
        return f"{len(self.varied)} varied" + (f"; not {skipped}" if skipped else "")


class _Watched(ScratchStore):
    """A scratch store that notes what it gives back of parts that were there before it.

    Attributes:
        found: where these parts lie.
    """

    def __init__(self, root: Path, owner: Mapping[str, Any], settings: Mapping[str, Scalar]) -> None:
        super().__init__(root, owner, settings)
        self.found: list[Path] = []
        self._before = frozenset(self.folder.rglob("*"))

    def get(self, key: Mapping[str, Any]) -> Array | None:
        """The array of this key; None if there is none."""
        found = super().get(key)
        if found is not None and self.path(key) in self._before:
            self.found.append(self.path(key))
        return found


def _names(bench: Bench) -> list[str]:
    return [each.name for each in dataclasses.fields(bench.chosen.method) if each.init]


def _changed(bench: Bench, name: str) -> Bench:
    """The bench with another value of one setting, in a folder of its own.

    Raises:
        Skipped: no other value is known, or the method accepts none of those that are.
    """
    method, card = bench.chosen.method, bench.card
    if name in (*card.files, *card.models, *card.judges):
        raise Skipped("names a file or a model")
    values = other_values(method, name)
    if not values:
        raise Skipped("no other value known")
    for value in values:
        try:
            other = dataclasses.replace(method, **{name: value})
        except Exception:  # refused by the method; the next value may do
            continue
        return Bench(dataclasses.replace(bench.chosen, method=other), bench.bundle, bench.folder / f"varied-{name}")
    raise Skipped("other values are refused")


def other_values(method: Any, name: str) -> Sequence[Scalar]:
    """Values that a setting might have instead of its own, the best first; () where nothing tells any."""
    value: Any = getattr(method, name)
    default = next(each.default for each in dataclasses.fields(method) if each.name == name)
    hints = _flat(get_type_hints(type(method)).get(name))
    words = [word for hint in hints if get_origin(hint) is Literal for word in get_args(hint)]
    if words:  # the default last: where quick settings differ from it, it may be slow, or load a further model
        return sorted((word for word in words if word != value), key=lambda word: word == default)
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.5, value / 1.5] if value else [0.5, 1.0]
    if value is None:
        return [start for kind, start in STARTS.items() if kind in hints]
    shorter = [value[:-1]] if isinstance(value, tuple) and len(value) > 1 else []
    return [*shorter, *([default] if default not in (value, dataclasses.MISSING) else [])]


STARTS: dict[type, Scalar] = {bool: True, int: 1, float: 0.5}  # where a setting is None


def _flat(hint: Any) -> list[Any]:
    """The members of a union, or the hint alone."""
    members = () if get_origin(hint) is Literal else get_args(hint)
    return [part for member in members for part in _flat(member)] if members else [hint]

"""Carry out every choice: each word of a named setting and both values of a switch, one edit each.

Nothing is downloaded for it: a value that needs a model from elsewhere may refuse.
"""

import dataclasses
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from iceb.base.errors import IcebError
from iceb.base.fields import flat_hints, hints_of, literal_values
from iceb.base.hub import OFFLINE
from iceb.base.messages import shorten
from iceb.conformance.check_line import Broken, Line, Skipped, error_text, lines_with_rest
from iceb.conformance.methods.edit_checks import PlainEdit
from iceb.conformance.methods.method_under_test import MISFIT
from iceb.specs.runs import Scalar

CHECK = "every choice carried out"
REASON = 90  # characters of a refusal in the line


@dataclass
class ChoiceChecks:
    """Make one edit for each other value of every choice, with empty scratch, while time is left."""

    plain_edit: PlainEdit
    seconds: float  # seconds for all choices; inf: no limit
    longest: float = 0.0  # seconds of the slowest choice so far
    carried: list[str] = field(default_factory=list)  # "combine=sequence"
    refused: list[str] = field(default_factory=list)  # with the reason
    failed: list[str] = field(default_factory=list)  # with the error
    late: list[str] = field(default_factory=list)  # choices for which no time was left

    def lines(self) -> Iterator[Line]:
        """One line on the choices that were carried out, and one on those left out for lack of time."""
        yield from lines_with_rest(CHECK, self._all, self.late)

    def _all(self) -> str:
        self.plain_edit.require_edit()
        found = choices(self.plain_edit.under_test.chosen.method)
        if not found:
            raise Skipped("no setting is a choice of words or a switch")
        began = time.perf_counter()
        for number, (name, value) in enumerate(found):
            taken = max(self.longest, self.plain_edit.seconds)
            if time.perf_counter() - began + taken > self.seconds:
                self.late.append(f"{name}={value}")
            else:
                self._try(number, name, value)
        return self._summary()

    def _try(self, number: int, name: str, value: Scalar) -> None:
        """Make the edit under one choice and record its outcome."""
        what, began = f"{name}={value}", time.perf_counter()
        try:
            with _no_download():
                self._edit(number, name, value)
        except Exception as error:  # a third-party method may raise anything
            text = error_text(error)
            if isinstance(error, IcebError) and MISFIT not in text:
                self.refused.append(f"{what} ({shorten(text, REASON)})")
            else:
                self.failed.append(f"{what} {text}")
        else:
            self.carried.append(what)
        self.longest = max(self.longest, time.perf_counter() - began)

    def _edit(self, number: int, name: str, value: Scalar) -> None:
        plain = self.plain_edit.under_test
        under_test = plain.with_setting(name, value, f"choice-{number:03d}")
        under_test.chosen.check(plain.bundle.ref)
        under_test.edit(self.plain_edit.requests[:1])

    def _summary(self) -> str:
        if self.failed:
            raise Broken("; ".join(self.failed))
        if not self.carried and not self.refused:
            raise Skipped("no time for any")
        parts = [", ".join(self.carried)] if self.carried else []
        parts += [f"refused: {', '.join(self.refused)}"] if self.refused else []
        return "; ".join(parts)


def choices(method: Any) -> list[tuple[str, Scalar]]:
    """List the values that a method's choices could have and have not now, as (setting, value).

    A choice is a setting whose type names words (`Literal`) or is a bool; where None is allowed beside, it counts.
    """
    card, hints = method.card, hints_of(type(method))
    named = {*card.files, *card.models, *card.judges}
    names = [each.name for each in dataclasses.fields(method) if each.init and each.name not in named]
    return [
        (name, value) for name in names for value in _values(hints.get(name)) if not _same(value, getattr(method, name))
    ]


def _values(hint: Any) -> list[Scalar]:
    """List the values that a type names; none where it is no choice."""
    hints = flat_hints(hint)
    values: list[Scalar] = list(literal_values(hint))
    values += [False, True] if bool in hints else []
    return [*values, None] if values and type(None) in hints and None not in values else values


def _same(value: Any, other: Any) -> bool:
    """Compare values with their types: 1 is not True."""
    return type(value) is type(other) and bool(value == other)


@contextmanager
def _no_download() -> Iterator[None]:
    """Have models come from the local cache alone."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in OFFLINE}
    os.environ.update(dict.fromkeys(OFFLINE, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Register an object of a test as another package does, and see which line of its checks fails."""

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from iceb import registry
from iceb.conformance.check_line import Line
from iceb.datasets.cards import load_card
from iceb.registry import Group, Registered

MODULE = "iceb_tests_registered"
Register: TypeAlias = Callable[[Group, str, Any], None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Puts an object into a group of entry points, under a name, for one test."""
    added: list[Registered] = []
    known = registry.entries_of
    module = ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(registry, "entries_of", lambda group: [*known(group), *(e for e in added if e.group == group)])
    load_card.cache_clear()

    def put(group: Group, name: str, found: Any) -> None:
        attribute = f"{group}_{name}"
        setattr(module, attribute, found)
        added.append(Registered(group, name, "tests", "0", f"{MODULE}:{attribute}"))

    return put


def by_name(lines: Iterable[Line]) -> dict[str, Line]:
    """Checks by their names, which are different."""
    made = list(lines)
    assert len({line.check for line in made}) == len(made)
    return {line.check: line for line in made}


def failures(lines: Iterable[Line]) -> dict[str, str]:
    """The notes of the lines that failed, by check."""
    return {line.check: line.note for line in lines if line.status == "fail"}


def only_failure(lines: Iterable[Line]) -> tuple[str, str]:
    """Check and note of the one line that failed."""
    found = failures(lines)
    assert len(found) == 1, found
    return next(iter(found.items()))

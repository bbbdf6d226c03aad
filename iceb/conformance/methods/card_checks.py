"""Check a method's card and fields; nothing is computed."""

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

from iceb.conformance.check_line import Broken
from iceb.conformance.registered_objects import PLACEHOLDER
from iceb.running.method_runner import ChosenMethod

CHANGEABLE = (list, dict, set, bytearray)


def check_card(chosen: ChosenMethod) -> str:
    """Check for one name everywhere, a frozen dataclass of immutable settings, and a real paper.

    Raises:
        Broken: one of these does not hold.
    """
    if problems := [*_problems(chosen)]:
        raise Broken("; ".join(problems))
    return ""


def _problems(chosen: ChosenMethod) -> Iterator[str]:
    card, kind = chosen.card, type(chosen.method)
    if card.name != chosen.entry.name:
        yield f"the card's name is {card.name!r}, the entry point's {chosen.entry.name!r}: give both one name"
    if not kind.__dataclass_params__.frozen:
        yield "the dataclass is not frozen, so settings can change after they were named: @dataclass(frozen=True)"
    for name in _changeable(chosen.method):
        yield f"setting {name} is a list, dict or set, which can change after it was named: take a tuple"
    if PLACEHOLDER.search(card.paper):
        yield f"the card's paper {card.paper!r} is a placeholder: name the paper, or leave it empty"


def _changeable(method: Any) -> Iterator[str]:
    """List the settings that hold, or are annotated as, a mutable container."""
    hints = get_type_hints(type(method))
    for each in dataclasses.fields(method):
        if isinstance(getattr(method, each.name), CHANGEABLE) or _names_changeable(hints.get(each.name)):
            yield each.name


def _names_changeable(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    return kind in CHANGEABLE or any(_names_changeable(part) for part in get_args(hint))

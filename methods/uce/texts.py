"""Texts of a UCE edit: (edited, guide) pairs, and lists of retained texts."""

import random
from collections.abc import Sequence

from iceb.base.errors import MethodError
from iceb.specs.requests import EditRequest

CONCEPT_TYPES: dict[str, tuple[str, ...]] = {  # what `templates` adds to each concept
    "art": ("painting by {}", "art by {}", "artwork by {}", "picture by {}", "style of {}"),
    "object": ("image of {}", "photo of {}", "portrait of {}", "picture of {}", "painting of {}"),
}
RETAIN_SEED = 0


def guides(requests: Sequence[EditRequest], without: str) -> list[tuple[str, str]]:
    """Pairs (source, destination) of each request; a request that erases goes to `without`.

    Raises:
        MethodError: a request has several destinations.
    """
    for request in requests:
        if len(request.dests) > 1:
            raise MethodError(
                f"request {request.id} has {len(request.dests)} destinations: uce edits towards one; "
                "uce-debias balances several"
            )
    return [(request.source, request.dests[0] if request.dests else without) for request in requests]


def expand_pairs(pairs: Sequence[tuple[str, str]], concept_type: str, *, both: bool) -> list[tuple[str, str]]:
    """The pairs, then each pair in every template of its type.

    Args:
        pairs: (concept, guide).
        concept_type: "art" or "object".
        both: put the guide into the template too; else it stays bare.

    >>> expand_pairs([("Monet", "art")], "art", both=True)[1]
    ('painting by Monet', 'painting by art')
    """
    phrases = CONCEPT_TYPES[concept_type]
    more = [(phrase.format(old), phrase.format(new) if both else new) for old, new in pairs for phrase in phrases]
    return [*pairs, *more]


def blank_guide(text: str) -> str:
    """Replace an empty guide by one blank, as the program of 2023 does.

    >>> blank_guide("")
    ' '
    """
    return text or " "


def edited_names(names: Sequence[str], edited: Sequence[str]) -> list[str]:
    """The names that are edited, ignoring case."""
    gone = {text.lower() for text in edited}
    return [name for name in names if name.lower() in gone]


def other_names(names: Sequence[str], edited: Sequence[str], count: int | None = None) -> list[str]:
    """Names that are not edited, ignoring case; `count` of them by a fixed seed, in the file's order."""
    gone = {text.lower() for text in edited}
    left = [name for name in names if name.lower() not in gone]
    if count is None or count >= len(left):
        return left
    chosen = sorted(random.Random(RETAIN_SEED).sample(range(len(left)), count))
    return [left[place] for place in chosen]

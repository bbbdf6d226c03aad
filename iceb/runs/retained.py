"""Find scored names in a method's retain lists: such a run says nothing about unseen concepts."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from iceb.base.wording import count_text
from iceb.specs.datasets import ConceptDataset
from iceb.specs.requests import EditBatch

SHOWN = 3  # names that a message lists


def scored_names(dataset: ConceptDataset, batches: Sequence[EditBatch]) -> frozenset[str]:
    """Return the scored concepts: the dataset's, and a run's sources, destinations and aliases."""
    own: Collection[str] = getattr(dataset, "scored_names", frozenset)()
    requests = [request for batch in batches for request in batch.requests]
    return frozenset(own) | {name for each in requests for name in each.names}


def retained_scored(method: Any, names: frozenset[str]) -> tuple[str, ...]:
    """Return the scored names that a setting of the method lists, in a file or as a list, sorted.

    A name counts where it is the whole of a line or an item, whatever its case; a sentence that holds it does not.
    """
    by_text = {_plain(name): name for name in names}
    found = {by_text[text] for listed in _lists(method) for text in map(_plain, listed) if text in by_text}
    return tuple(sorted(found))


def names_in_words(names: Sequence[str]) -> str:
    """Format the number of names and the first few.

    >>> names_in_words(["ant", "bee", "cat", "dog"])
    '4 scored concepts (ant, bee, cat …)'
    """
    count = count_text(len(names), "scored concept")
    return f"{count} ({', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''})"


def _lists(method: Any) -> Iterator[list[str]]:
    """Yield the texts of each setting that holds a list or names a file."""
    for name in method.__dataclass_fields__:
        value = getattr(method, name)
        items = [item for item in (value if isinstance(value, tuple | list) else [value]) if isinstance(item, str)]
        if name in method.card.files:
            yield from (_texts(Path(item).expanduser()) for item in items)
        elif isinstance(value, tuple | list):
            yield items


def _texts(path: Path) -> list[str]:
    """Return the lines of a text file, or every string in a JSON file; none if it is neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return list(_strings(json.loads(text))) if path.suffix.lower() == ".json" else text.splitlines()
    except (OSError, ValueError, RecursionError):
        return []


def _strings(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from _strings(part)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())

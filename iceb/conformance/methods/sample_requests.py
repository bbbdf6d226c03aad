"""Sample requests for the checks: plain ones of each kind, and unusual ones."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from iceb.datasets import EMBEDDED, open_dataset
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Kind

TEMPLATES = 2  # training templates of each request: enough to average over, few enough to be quick
FEW = 2  # requests of an edit whose size does not matter

# Subjects that broke methods elsewhere; each must work with finite numbers or be refused in words.
ODD_SUBJECTS: Mapping[str, str] = {
    "several words": "very old wooden fishing boat",
    "punctuation": "rock'n'roll: a \"half-empty\" {glass}, no. 7 (50%) \\ /",
    "unicode": "café in Zürich 日本語 🦊",
    "beyond 77 tokens": "very " * 120 + "long boat",
    "no visible character": "\u200b",
}
OFTEN_REFUSED = ("beyond 77 tokens",)


@cache
def _rows() -> tuple[EditRequest, ...]:
    """Return the requests of the embedded AICE set."""
    return edit_batches(open_dataset("aice", EMBEDDED).schedule(300))[0].requests


def sample(count: int, kind: Kind = "replace", templates: int = TEMPLATES) -> tuple[EditRequest, ...]:
    """Return `count` requests of a kind with distinct subjects and seeds; shorter lists are prefixes."""
    return tuple(_of(place, kind, templates) for place in range(count))


def _of(place: int, kind: Kind, templates: int) -> EditRequest:
    rows = _rows()
    again, row = place // len(rows), rows[place % len(rows)]
    source = f"{row.source} {again + 1}" if again else row.source
    made = replace(row, id=f"check/{place:04d}", source=source, templates=row.templates[:templates])
    dests = {"erase": (), "balance": (row.dest, _other(row.dest))}.get(kind, (row.dest,))
    return replace(made, dests=dests)


def _other(dest: str) -> str:
    return next(row.dest for row in _rows() if row.dest != dest)


def with_other_dests(request: EditRequest) -> EditRequest:
    """Return the request with other destinations."""
    taken = {request.source, *request.dests}
    free = [row.dest for row in reversed(_rows()) if row.dest not in taken]
    return replace(request, dests=tuple(dict.fromkeys(free))[: len(request.dests)])


def unusual_requests(kind: Kind) -> dict[str, tuple[EditRequest, ...]]:
    """Return valid but unusual requests, by what is unusual about them."""
    plain = sample(1, kind, templates=1)[0]
    named = enumerate(ODD_SUBJECTS.items())
    found: dict[str, tuple[EditRequest, ...]]
    found = {what: (replace(plain, id=f"odd/{i}", source=text),) for i, (what, text) in named}
    found["twice the same"] = (replace(plain, id="odd/twice"), replace(plain, id="odd/again"))
    if len(plain.dests) == 1:
        found["destination is the subject"] = (replace(plain, id="odd/same", dests=(plain.source,)),)
        found["empty destination"] = (replace(plain, id="odd/empty", dests=("",)),)
    return found

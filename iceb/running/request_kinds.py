"""Refuse kinds of edit that a method does not support, before the method is called."""

from collections.abc import Sequence

from iceb.base.errors import MethodError
from iceb.specs.methods import MethodCard
from iceb.specs.requests import EditRequest
from iceb.specs.tasks import Kind

ONE_DEST: tuple[Kind, ...] = ("replace", "rectify", "erase")  # an eraser may be given a destination, too
ERASER = '; a method that only erases can take part: name "replace" in kinds too, with reaches_dest=False'


def refuse_kind(card: MethodCard, kind: Kind, asker: str = "") -> None:
    """Refuse a kind of edit that the card does not name.

    Raises:
        MethodError: as it says.

    >>> refuse_kind(MethodCard("m", 1, "", ("replace",), ()), "erase", "task artists")
    Traceback (most recent call last):
    ...
    iceb.base.errors.MethodError: method m cannot erase, which task artists asks for: it can replace
    """
    if kind not in card.kinds:
        by = f", which {asker} asks for" if asker else ""
        remedy = ERASER if kind == "replace" and "erase" in card.kinds else ""
        raise MethodError(f"method {card.name} cannot {kind}{by}: it can {', '.join(card.kinds) or 'nothing'}{remedy}")


def refuse_requests(card: MethodCard, requests: Sequence[EditRequest]) -> None:
    """Refuse requests whose number of destinations implies a kind that the card does not name.

    Raises:
        MethodError: the first such request, by its id.
    """
    for request in requests:
        kinds = kinds_of(request)
        if not set(kinds) & set(card.kinds):
            refuse_kind(card, kinds[0], f"request {request.id} with {len(request.dests)} destinations")


def kinds_of(request: EditRequest) -> tuple[Kind, ...]:
    """Return the kinds of edit that a request's number of destinations allows."""
    if len(request.dests) == 1:
        return ONE_DEST
    return ("balance",) if request.dests else ("erase",)

"""Check a dataset's number of requests against its card and against the number of edits asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from iceb.base.errors import DataError, NotInDataError
from iceb.specs.datasets import DataCard
from iceb.specs.requests import EditRequest

FURTHER = "task artists goes to 1000 at once"


def check_declared(card: DataCard, count: str, found: int, remedy: str = "") -> None:
    """Refuse another number than the card declares.

    Args:
        remedy: what to do, at the end of the message.

    Raises:
        DataError: as it says.
    """
    declared = card.counts[count]
    if found != declared:
        says = f"dataset {card.name} has {found} {count}, its data card declares {declared}"
        raise DataError(f"{says}; {remedy}" if remedy else says)


def first_requests(card: DataCard, requests: Sequence[EditRequest], num_edits: int) -> tuple[EditRequest, ...]:
    """The first `num_edits` requests, in the dataset's order.

    Raises:
        DataError: fewer than one, or more than there are.
    """
    check_asked(f"dataset {card.name} has {len(requests)} edit requests", num_edits, len(requests))
    return tuple(requests[:num_edits])


def check_asked(says: str, num_edits: int, most: int, further: str = FURTHER) -> None:
    """Refuse a number of edits that a dataset does not reach.

    Args:
        says: what the dataset has, the start of the message.
        further: what to do beyond its largest number.

    Raises:
        DataError: fewer than one, or more than `most`.
    """
    if not 1 <= num_edits <= most:
        more = f"; {further}" if further and num_edits > most else ""
        raise DataError(f"{says}, `num_edits` asked for {num_edits}: choose 1 to {most}{more}")


@contextmanager
def refused_counts() -> Iterator[None]:
    """Turn an open dataset's refusal of a number of edits, a DataError, into a NotInDataError.

    Files that cannot be read are refused before, when the dataset is opened.
    """
    try:
        yield
    except DataError as error:
        raise NotInDataError(str(error)) from error

"""Check a dataset's number of requests against its card and against the number of edits asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from iceb.base.errors import DataError, NotInDataError
from iceb.specs.datasets import DataCard
from iceb.specs.requests import EditRequest


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
    most = len(requests)
    if not 1 <= num_edits <= most:
        raise DataError(
            f"dataset {card.name} has {most} edit requests, `num_edits` asked for {num_edits}: choose 1 to {most}"
        )
    return tuple(requests[:num_edits])


@contextmanager
def refused_counts() -> Iterator[None]:
    """Turn an open dataset's refusal of a number of edits, a DataError, into a NotInDataError.

    Files that cannot be read are refused before, when the dataset is opened.
    """
    try:
        yield
    except DataError as error:
        raise NotInDataError(str(error)) from error

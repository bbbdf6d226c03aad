"""The sizes of passes as methods use them: how many concepts or images are computed together."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class PassSize(Protocol):
    """The number of items in one pass: as many as asked for, fewer once memory did not suffice."""

    @property
    def size(self) -> int:
        """The current size."""

    def run(self, work: Callable[[Sequence[Item], int], Result], items: Sequence[Item]) -> list[Result]:
        """Apply `work` to all items, pass by pass; it takes a pass's items and how many a pass holds now."""


class PassSizes(Protocol):
    """The sizes of one loaded model's passes, by field of `Execution`."""

    def of(self, field: str, size: int, each: int = 1) -> PassSize:
        """The size that a field sets: at most `size`, which was asked for or is the default.

        `each` is how many of what the field counts are in one item.
        """

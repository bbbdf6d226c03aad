"""Find which parts of a method are missing in its scratch, in batches, and read the stored ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from iceb.base.errors import StoreError
from iceb.methods.common.text_encoder import slices
from iceb.specs.methods import Scratch

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

Key: TypeAlias = Mapping[str, Any]


def stored_part(scratch: Scratch, key: Key) -> "Array":
    """The array of a key under which something was stored earlier in the same edit.

    Raises:
        StoreError: it is no longer there: its file was damaged or removed meanwhile.
    """
    found = scratch.get(key)
    if found is None:
        raise StoreError(f"{key['what']} were in the cache and are no longer there: run the same command again")
    return found


def unfinished_batches(keys: Sequence[Key], size: int, is_stored: Callable[[Key], bool]) -> list[tuple[int, int]]:
    """(start, stop) of the batches of which some part is not stored.

    Batches are cut from the whole list, not from what is missing, so that a run that was stopped and goes on computes
    the same batches as one that was not. What is stored of a batch stays.

    Args:
        keys: one for each part, in order.
        size: parts in a batch.
        is_stored: whether the part of a key is stored.

    >>> unfinished_batches([{"part": number} for number in range(5)], 2, lambda key: key["part"] in (0, 1, 4))
    [(2, 4)]
    """
    return [(start, stop) for start, stop in slices(len(keys), size) if not all(map(is_stored, keys[start:stop]))]

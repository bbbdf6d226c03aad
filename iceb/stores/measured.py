"""Measured numbers by (measure, pictures): a new metric on an old run is arithmetic.

A long list of pictures is kept in pieces of fixed length, so that a stopped measuring goes on, and so that runs which
share the beginning of their lists share its pieces. Pictures are not looked at when the numbers are there.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from iceb.base.digest import digest
from iceb.base.files import content_path
from iceb.stores.arrays import Array, publish_array, read_array
from iceb.stores.images import ImageKey

PIECE = 128  # pictures


class MeasuredStore:
    """The folder `measured` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "measured"

    def path(self, measure: str, revision: str, keys: Sequence[ImageKey]) -> Path:
        """Where the numbers of these pictures, in this order, lie or would."""
        key = digest({"measure": measure, "revision": revision, "images": list(keys)})
        return content_path(self.folder, key, ".npy")

    def read(self, measure: str, revision: str, keys: Sequence[ImageKey]) -> Array | None:
        """The numbers of one piece, (n, width); None if they are not there."""
        found = read_array(self.path(measure, revision, keys))
        return found if found is not None and found.ndim == 2 and len(found) == len(keys) else None

    def publish(self, measure: str, revision: str, keys: Sequence[ImageKey], values: Array) -> Array:
        """Keep the numbers of one piece; returns those that stand."""
        return publish_array(self.path(measure, revision, keys), values)


def pieces(keys: Sequence[ImageKey]) -> Iterator[Sequence[ImageKey]]:
    """A list of pictures cut into pieces of fixed length."""
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]


def stacked(parts: Iterable[Array]) -> Array:
    """The numbers of several pieces as one array (N, width)."""
    found = list(parts)
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

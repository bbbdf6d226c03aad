"""Store of measured rows by measure and row key, so that a new metric needs no new measuring.

A row's key names everything that the measure read. Many rows share a file, so that ten thousand images leave about a
hundred files. Images are not looked at when the numbers are there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from iceb.base.digest import digest
from iceb.stores.packs import Array
from iceb.stores.rows import RowFolder

RowKey: TypeAlias = str  # 64 hex digits
NAMED = 16  # digits of a measure's folder; its files hold the whole owner


class MeasuredStore:
    """The folder `measured` of a cache: one folder for each measure and revision."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "measured"
        self._folders: dict[str, RowFolder] = {}

    def read(self, measure: str, revision: str, keys: Sequence[RowKey]) -> dict[RowKey, Array]:
        """The stored rows among `keys`, (width,) each; damaged files are removed and noted.

        Raises:
            StoreError: a file cannot be read.
        """
        folder = self._rows(measure, revision)
        folder.look()
        return folder.read(keys)

    def publish(self, measure: str, revision: str, keys: Sequence[RowKey], values: Array) -> None:
        """Keep the rows (N, width) of N keys; those already there stay.

        Raises:
            StoreError: the cache cannot be written.
        """
        rows = dict(zip(keys, np.asarray(values, np.float32), strict=True))
        self._rows(measure, revision).publish(rows)

    def paths(self, measure: str, revision: str, keys: Sequence[RowKey]) -> set[Path]:
        """The files that hold these rows; nothing is removed."""
        return self._rows(measure, revision).paths(keys)

    def _rows(self, measure: str, revision: str) -> RowFolder:
        owner = digest({"measure": measure, "revision": revision})
        return self._folders.setdefault(owner, RowFolder(self.folder / owner[:NAMED], owner))

"""Measured numbers by (measure, row): a new metric on an old run is arithmetic.

A row's key names everything that the measure read. Many rows share one file, so that a store of ten thousand images
holds about a hundred files.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from iceb.base.digest import digest
from iceb.base.files import content_path, publish
from iceb.stores.arrays import Array

RowKey: TypeAlias = str  # 64 hex digits


class MeasuredStore:
    """The folder `measured` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "measured"
        self._index: dict[Path, dict[RowKey, tuple[Path, int]]] = {}

    def read(self, measure: str, revision: str, keys: Sequence[RowKey]) -> dict[RowKey, Array]:
        """The stored rows among `keys`, (width,) each."""
        index = self._indexed(measure, revision)
        wanted: dict[Path, list[RowKey]] = {}
        for key in dict.fromkeys(keys):
            if key in index:
                wanted.setdefault(index[key][0], []).append(key)
        found: dict[RowKey, Array] = {}
        for path, members in wanted.items():
            with np.load(path, allow_pickle=False) as pack:
                values = pack["values"]
            found.update({key: values[index[key][1]] for key in members})
        return found

    def publish(self, measure: str, revision: str, keys: Sequence[RowKey], values: Array) -> None:
        """Keep rows; those already there stay."""
        stream = io.BytesIO()
        np.savez(stream, keys=np.array([list(bytes.fromhex(key)) for key in keys], np.uint8), values=values)
        folder = self._folder(measure, revision)
        path = content_path(folder, digest(list(keys)), ".npz")
        publish(path, stream.getvalue())
        self._indexed(measure, revision).update({key: (path, row) for row, key in enumerate(keys)})

    def paths(self, measure: str, revision: str, keys: Sequence[RowKey]) -> Iterator[Path]:
        """The files that hold these rows."""
        index = self._indexed(measure, revision)
        yield from dict.fromkeys(index[key][0] for key in keys if key in index)

    def _folder(self, measure: str, revision: str) -> Path:
        return self.folder / digest({"measure": measure, "revision": revision})

    def _indexed(self, measure: str, revision: str) -> dict[RowKey, tuple[Path, int]]:
        folder = self._folder(measure, revision)
        if folder not in self._index:
            self._index[folder] = {}
            for path in sorted(folder.rglob("*.npz")):
                with np.load(path, allow_pickle=False) as pack:
                    rows = pack["keys"]
                self._index[folder].update({bytes(row).hex(): (path, place) for place, row in enumerate(rows)})
        return self._index[folder]

"""Store of text encoder states of unedited models, shared by methods that keep the text encoders.

The states of many texts share a file. They wait in memory until a file is full or `flush` is called: they are derived
and quickly made again, so a process that is killed loses little.
"""

from pathlib import Path
from threading import Lock

from iceb.stores.packs import Array
from iceb.stores.rows import BYTES, ROWS, RowFolder


class TextStateStore:
    """The folder `texts` of a cache; may be used by several threads."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "texts"
        self._opened: RowFolder | None = None  # opened when first asked for
        self._waiting: dict[str, Array] = {}
        self._lock = Lock()

    def read(self, key: str) -> Array | None:
        """The states of this key, (tokens, width); None if they are not there.

        Raises:
            StoreError: a file cannot be read.
        """
        waiting = self._waiting.get(key)
        return waiting if waiting is not None else self._row_folder().read([key]).get(key)

    def publish(self, key: str, states: Array) -> None:
        """Keep the states of this key, written with those of other texts; any already there stay.

        Raises:
            StoreError: the cache cannot be written.
        """
        with self._lock:
            self._waiting[key] = states
            full = len(self._waiting) >= ROWS or len(self._waiting) * states.nbytes >= BYTES
        if full:
            self.flush()

    def flush(self) -> None:
        """Write the states that wait in memory.

        Raises:
            StoreError: the cache cannot be written.
        """
        folder = self._row_folder()
        with self._lock:
            if self._waiting:
                folder.publish(self._waiting, durable=False)
                self._waiting = {}

    def withdraw(self) -> None:
        """Take back what this object has kept.

        Raises:
            StoreError: some of it cannot be removed.
        """
        with self._lock:
            self._waiting = {}
        if self._opened is not None:
            self._opened.withdraw()

    def _row_folder(self) -> RowFolder:
        with self._lock:
            if self._opened is None:
                self._opened = RowFolder(self.folder, "texts")
                self._opened.look()
            return self._opened

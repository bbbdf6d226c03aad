"""A folder of packs: many small arrays in few files, found by key.

Which file holds a key is learned from the files' headers, once in a process; files that other processes add are found
by looking again. Two processes that keep the same row leave it in two files, either of which is taken.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

from iceb.base.digest import digest_all
from iceb.base.files import content_path, is_key
from iceb.stores.damage import DamagedError, publish_checked, read_checked, read_quietly
from iceb.stores.packs import Array, pack_bytes, read_keys, read_rows
from iceb.stores.remote import fetch_below, remove_stored

SUFFIX = ".pack"
ROWS = 128  # in one file
BYTES = 4 << 20  # in one file


class RowFolder:
    """A folder whose files hold many rows each; may be used by several threads.

    Args:
        folder: where the files lie.
        owner: whose keys these are; files of another owner are not taken.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner
        self._places: dict[str, Path] = {}  # where each key's row lies
        self._known: set[Path] = set()
        self._written: list[Path] = []  # by this object, where no other had
        self._lock = Lock()

    def look(self, *, remove: bool = True) -> None:
        """Learn which rows those files hold that are not known yet.

        Args:
            remove: remove and note damaged files; False only passes them over.

        Raises:
            StoreError: a file cannot be read.
        """
        read = read_checked if remove else read_quietly
        if remove:
            fetch_below(self.folder)
        for path in self._files():
            if path not in self._known:
                self._enter(path, read(path, self._keys) or ())

    def paths(self, keys: Iterable[str]) -> set[Path]:
        """The files that hold rows of these keys; nothing is removed."""
        self.look(remove=False)
        return {self._places[key] for key in keys if key in self._places}

    def read(self, keys: Iterable[str]) -> dict[str, Array]:
        """The stored rows among these keys; a file with a damaged row is removed.

        Raises:
            StoreError: a file cannot be read.
        """
        wanted: dict[Path, list[str]] = defaultdict(list)
        for key in dict.fromkeys(keys):
            if (path := self._places.get(key)) is not None:
                wanted[path].append(key)
        found: dict[str, Array] = {}
        for path, inside in wanted.items():
            rows = self._rows(path, inside)
            if rows is None:
                self._forget(path)
            found.update(rows or {})
        return found

    def publish(self, rows: Mapping[str, Array], *, durable: bool = True) -> None:
        """Keep rows, as many in a file as fit; those that are there already stay.

        Raises:
            StoreError: the cache cannot be written.
            ValueError: raw bytes do not hold arrays of this dtype.
        """
        new = ((key, row) for key, row in rows.items() if key not in self._places)
        for part in _parts(new):
            path = content_path(self.folder, self._name(part), SUFFIX)
            data, read = pack_bytes(part, self.owner), partial(self._rows, path, part)
            if publish_checked(path, data, read, durable=durable) is None:
                self._written.append(path)
            self._enter(path, part)

    def withdraw(self) -> None:
        """Remove the files that this object has written.

        Raises:
            StoreError: some cannot be removed.
        """
        for path in self._written:
            self._forget(path)
        remove_stored(self._written)

    def _files(self) -> list[Path]:
        found = self.folder.glob(f"{'[0-9a-f]' * 2}/*{SUFFIX}")
        return sorted(path for path in found if is_key(path.stem))

    def _name(self, keys: Iterable[str]) -> str:
        return digest_all([self.owner, *keys])

    def _keys(self, path: Path) -> list[str]:
        keys = read_keys(path, self.owner)
        if path.stem != self._name(keys):
            raise DamagedError("it is the file of other keys")
        return keys

    def _rows(self, path: Path, keys: Collection[str]) -> dict[str, Array] | None:
        return read_checked(path, partial(read_rows, keys=keys, owner=self.owner))

    def _enter(self, path: Path, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._known.add(path)
                self._places.setdefault(key, path)

    def _forget(self, path: Path) -> None:
        with self._lock:
            self._known.discard(path)
            self._places = {key: place for key, place in self._places.items() if place != path}


def _parts(rows: Iterable[tuple[str, Array]]) -> Iterator[dict[str, Array]]:
    """Rows of one dtype and shape, as many as one file takes."""
    alike: dict[tuple[str, tuple[int, ...]], dict[str, Array]] = defaultdict(dict)
    for key, row in rows:
        alike[row.dtype.str, row.shape][key] = row
    for same in alike.values():
        size = max(next(iter(same.values())).nbytes, 1)
        items = iter(same.items())
        while part := dict(islice(items, min(ROWS, max(BYTES // size, 1)))):
            yield part

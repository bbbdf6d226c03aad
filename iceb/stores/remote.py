"""The remote side of a cache that is named by a URL: look for a file there, fetch it, hand it over.

A local layer holds what was made or fetched. Files are named by content and the first writer wins, so nothing is
locked. Only what stands in SHARED leaves the machine; texts' states are made again faster than they are fetched, and
notes, locks and paces are of one machine.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from iceb.base.cache_url import layers
from iceb.base.errors import IcebError, StoreError
from iceb.base.files import publish
from iceb.base.object_store import ObjectStore
from iceb.stores.own_files import is_own
from iceb.stores.uploads import Uploads

SHARED = ("edits", "images", "measured", "scratch")  # the stores that the URL holds
FIRST_COUNTS = ("edits", "scratch")  # of which all machines go on with what was stored first
RENEWED = 30.0  # seconds; a listing that is older is renewed when it lacks a name
MANY = 16  # folders; more are listed at once, with all others of their store


class Remote:
    """The files at a URL, as a process with a local layer sees them; may be used by several threads."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.store = ObjectStore(url)
        self.uploads = Uploads(root, self.store)
        self._names: dict[str, set[str]] = {}  # those listed, by folder
        self._listed: dict[str, float] = {}  # when a folder, or a store, was listed
        self._refused: set[str] = set()  # files that are damaged there
        self._lock = Lock()

    def having(self, names: Iterable[str]) -> set[str]:
        """Those of these files that are there; folders of those that are not are listed again once in a while.

        Raises:
            StoreError: a folder cannot be listed.
        """
        wanted = set(names)
        with self._lock:
            lacking = {_folder(name) for name in wanted if not self._knows(name)}
            old = {folder for folder in lacking if self._is_old(folder)}
            stores = {_store(folder) for folder in old} if len(old) > MANY else set()
            for folder in sorted(stores or old):
                self._list(folder)
            return {name for name in wanted if self._knows(name)}

    def fetch(self, name: str) -> bool:
        """Fetch a file into the local layer; False if there is none, or only a damaged one.

        Raises:
            StoreError: it cannot be read, or the local layer not be written.
        """
        data = None if name in self._refused else self.store.get(name)
        if data is None:
            with self._lock:
                self._names.get(_folder(name), set()).discard(name)
            return False
        publish(self.root / name, data, durable=False)
        return True

    def fetch_below(self, folder: str) -> None:
        """Fetch all files below a folder that the local layer lacks, unless that was done lately.

        Raises:
            StoreError: as `fetch`.
        """
        with self._lock:
            if not self._is_old(folder):
                return
            found = set(filter(is_own, self.store.names(folder))) - self._refused
            self._listed[folder] = time.monotonic()
        for name, data in self.store.get_all(name for name in found if not (self.root / name).exists()):
            publish(self.root / name, data, durable=False)

    def refuse(self, name: str) -> None:
        """Count a damaged file as missing until another one is handed over."""
        self._refused.add(name)

    def hand_over(self, name: str, data: bytes) -> None:
        """Hand a file over that was stored; what is there under its name is replaced."""
        self._refused.discard(name)
        self.uploads.add(name, data)

    def withdraw(self, name: str) -> None:
        """Remove a file there, once nothing is on its way.

        Raises:
            StoreError: it cannot be removed.
        """
        with suppress(StoreError):
            self.uploads.wait(rest=False)
        self.uploads.forget(name)
        self.store.remove(name)
        with self._lock:
            self._names.get(_folder(name), set()).discard(name)

    def _knows(self, name: str) -> bool:
        return name in self._names.get(_folder(name), ()) and name not in self._refused

    def _is_old(self, folder: str) -> bool:
        listed = max(self._listed.get(each, float("-inf")) for each in (folder, _store(folder)))
        return time.monotonic() - listed > RENEWED

    def _list(self, folder: str) -> None:
        found = filter(is_own, self.store.names(folder))
        for each in [each for each in self._names if f"{each}/".startswith(f"{folder}/")]:
            del self._names[each]
        for name in found:
            self._names.setdefault(_folder(name), set()).add(name)
        self._listed[folder] = time.monotonic()


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _store(folder: str) -> str:
    return folder.partition("/")[0]


_opened: dict[Path, Remote] = {}


def _open(root: Path, url: str) -> Remote:
    return _opened.get(root) or _opened.setdefault(root, Remote(root, url))


def _place(path: Path) -> tuple[Remote, str] | None:
    """The remote side of a stored file and its name there; None for a file that stays on this machine."""
    for root, url in tuple(layers().items()):
        if path.is_relative_to(root):
            name = path.relative_to(root).as_posix()
            return (_open(root, url), name) if _store(name) in SHARED else None
    return None


def stored_remotely(paths: Iterable[Path]) -> set[Path]:
    """Those of these paths, of one store, whose files the cache's URL holds; none for an ordinary cache.

    Raises:
        StoreError: the URL cannot be listed.
    """
    wanted = list(paths)
    if not wanted or (place := _place(wanted[0])) is None:
        return set()
    names = {path.relative_to(place[0].root).as_posix(): path for path in wanted}
    return {names[name] for name in place[0].having(names)}


def fetch(path: Path) -> bool:
    """Fetch the file of a path from the cache's URL; False where there is none.

    Raises:
        StoreError: it cannot be read, or the local layer not be written.
    """
    place = _place(path)
    return place is not None and place[0].fetch(place[1])


def fetch_below(folder: Path) -> None:
    """Fetch the files below a folder that the cache's URL holds and the local layer lacks.

    Raises:
        StoreError: as `fetch`.
    """
    if (place := _place(folder)) is not None:
        place[0].fetch_below(place[1])


def refuse(path: Path) -> None:
    """Count what the cache's URL holds under a path as damaged, until it is replaced."""
    if (place := _place(path)) is not None:
        place[0].refuse(place[1])


def remove_stored(path: Path) -> None:
    """Remove a stored file here and at the cache's URL.

    Raises:
        StoreError: it cannot be removed there.
    """
    path.unlink(missing_ok=True)
    if (place := _place(path)) is not None:
        place[0].withdraw(place[1])


class Handing:
    """The way of one file to the cache's URL: noted, stored here, handed over."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._data, self._place = data, _place(path)
        if self._place is not None:
            remote, name = self._place
            if _store(name) in FIRST_COUNTS and not path.exists():
                with suppress(StoreError):  # what was made is kept in any case
                    remote.fetch(name)
            remote.uploads.note(name, data)

    def finish(self) -> None:
        """Hand the file over, now that it is stored here."""
        if self._place is not None:
            self._place[0].hand_over(self._place[1], self._data)

    def leave(self) -> None:
        """Hand nothing over, for another file of this name stands here."""
        if self._place is not None:
            self._place[0].uploads.take_back(self._place[1], self._data)


def wait_for_uploads(root: Path) -> None:
    """Wait until all that was stored in a cache is at its URL; what earlier processes have left, too.

    Raises:
        StoreError: something could not be uploaded; it stays in the local layer.
    """
    if (url := layers().get(root)) is not None:
        _open(root, url).uploads.wait()


def finish_uploads() -> None:
    """Wait for whatever this process has on its way.

    Raises:
        StoreError: as `wait_for_uploads`.
    """
    for remote in tuple(_opened.values()):
        if remote.uploads.begun:
            remote.uploads.wait()


@contextmanager
def uploads_finished(root: Path) -> Iterator[None]:
    """Wait for a cache's uploads at the end of the block.

    One that fails does not hide why the block was left.

    Raises:
        StoreError: as `wait_for_uploads`.
    """
    try:
        yield
    except BaseException:
        with suppress(IcebError):
            wait_for_uploads(root)
        raise
    wait_for_uploads(root)

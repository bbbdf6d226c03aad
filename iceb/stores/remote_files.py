"""The files at the URL of a cache, as a process with a local layer sees them.

A URL that does not answer for a while ends no work: what can be made again counts as missing until it is asked again.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from iceb.base.errors import IcebError, UnreachableError
from iceb.base.files import publish
from iceb.base.object_store import FETCHED, ObjectStore
from iceb.stores.own_files import is_own
from iceb.stores.uploads import Uploads

LOG = logging.getLogger("iceb")
RENEWED = 30.0  # seconds; a listing that is older is renewed when it lacks a name
MANY = 16  # folders; more are listed at once, with all others of their store
REST = 60.0  # seconds without another look after one that failed
NEEDED = ("edits",)  # a store whose files take too long to be made again because a look has failed
REMADE = ("measured", "scratch")  # stores whose files are made again where they cannot be fetched
NEVER = float("-inf")
EDIT = 2 << 30  # bytes; few edits are larger


class Remote:
    """The files at a URL, as a process with a local layer sees them; may be used by several threads."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.store = ObjectStore(url)
        self.uploads = Uploads(root, self.store)
        self._names: dict[str, set[str]] = {}  # those listed, by folder
        self._listed: dict[str, float] = {}  # when a folder, or a store, was listed
        self._refused: set[str] = set()  # files that are damaged there
        self._failed = NEVER  # when the URL did not answer; since then it has not
        self._lock = Lock()

    def having(self, names: Iterable[str]) -> set[str]:
        """Those of these files that are there; folders of those that are not are listed again once in a while.

        Raises:
            StoreError: a folder cannot be listed; in an outage only one of edits, while others count as empty.
        """
        wanted = set(names)
        with self._lock:
            lacking = {_folder(name) for name in wanted if not self._knows(name)}
            old = {folder for folder in lacking if self._is_old(folder)}
            stores = {_store(folder) for folder in old} if len(old) > MANY else set()
            for folder in sorted(stores or old):
                self._try_to_list(folder)
            return {name for name in wanted if self._knows(name)}

    def fetch(self, name: str, largest: int = EDIT) -> bool:
        """Fetch a file into the local layer; False if there is none, or only a damaged one.

        Args:
            largest: bytes of an edit that are given the time to come.

        Raises:
            StoreError: it cannot be read, or the local layer not be written.
        """
        data = None if name in self._refused else self._get(name, largest)
        if data is None:
            with self._lock:
                self._names.get(_folder(name), set()).discard(name)
            return False
        publish(self.root / name, data, durable=False)
        return True

    def fetch_below(self, folder: str) -> None:
        """Fetch all files below a folder that the local layer lacks, unless that was done lately.

        In an outage of the URL what is lacking stays so.

        Raises:
            StoreError: as `fetch`.
        """
        try:
            with self._lock:
                if not self._is_old(folder) or self._rests:
                    return
                found = self._own_names(folder) - self._refused
                self._listed[folder] = time.monotonic()
            for name, data in self.store.get_all(name for name in found if not (self.root / name).exists()):
                publish(self.root / name, data, durable=False)
        except UnreachableError as error:
            self._rest(error)

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
        self.uploads.wait(rest=False)
        self.uploads.forget(name)
        self.store.remove(name)
        with self._lock:
            self._names.get(_folder(name), set()).discard(name)

    def _knows(self, name: str) -> bool:
        return name in self._names.get(_folder(name), ()) and name not in self._refused

    def _is_old(self, folder: str) -> bool:
        listed = max(self._listed.get(each, NEVER) for each in (folder, _store(folder)))
        return time.monotonic() - listed > RENEWED

    @property
    def _rests(self) -> bool:
        return time.monotonic() < self._failed + REST

    def _rest(self, error: IcebError) -> None:
        """Ask the URL nothing for a while that can do without an answer."""
        if self._failed < 0:
            LOG.warning("the cache's URL does not answer, and what it may hold is made again: %s", error)
        self._failed = time.monotonic()

    def _get(self, name: str, largest: int) -> bytes | None:
        """The bytes of a file; None as well where it cannot be had now and is made again."""
        store = _store(name)
        if store in REMADE and self._rests:
            return None
        try:
            return self.store.get(name, largest if store in NEEDED else FETCHED)
        except UnreachableError as error:
            if store not in REMADE:
                raise
            self._rest(error)
            return None

    def _own_names(self, folder: str) -> set[str]:
        """The names below a folder that ICEB gives; others may have written there what they like."""
        found = {name for name in self.store.names(folder) if is_own(name)}
        self._failed = NEVER
        return found

    def _try_to_list(self, folder: str) -> None:
        if _store(folder) in NEEDED:
            self._list(folder)
        elif not self._rests:
            try:
                self._list(folder)
            except UnreachableError as error:
                self._rest(error)

    def _list(self, folder: str) -> None:
        found = self._own_names(folder)
        for each in [each for each in self._names if f"{each}/".startswith(f"{folder}/")]:
            del self._names[each]
        for name in found:
            self._names.setdefault(_folder(name), set()).add(name)
        self._listed[folder] = time.monotonic()


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _store(folder: str) -> str:
    return folder.partition("/")[0]

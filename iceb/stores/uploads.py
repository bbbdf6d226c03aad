"""Hand what a process stores to the cache's URL while it goes on; nothing is forgotten on the way.

A note beside the local files names each file that is still to be handed over, with the digests of the bytes that
processes meant to store there. It is written before the file and removed when the file is there, so a process that is
killed, or that cannot reach the URL, leaves the rest to the next one.
"""

import logging
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock

from iceb.base.digest import digest_bytes
from iceb.base.errors import IcebError, StoreError, UnreachableError
from iceb.base.files import explain_errors, is_key
from iceb.base.object_store import FEW, ObjectStore
from iceb.base.waiting import wait_for_all
from iceb.base.wording import count_text
from iceb.stores.own_files import is_own

LOG = logging.getLogger("iceb")
NOTES, BREAK = "uploads", "="  # the folder of notes; stands for "/" in their names
THREADS = 4
WAITING = 32  # files in memory; who stores more waits
LARGE = 32 << 20  # bytes; who stores such a file waits for its upload, so that few are in memory
REST = 60.0  # seconds without an attempt after one that failed
OLD = 600.0  # seconds; whoever noted a file that is still not there was killed before it could be stored


def unsent_files(root: Path) -> set[Path]:
    """The files of a cache that are noted as not at its URL yet."""
    return {root / name for name in _noted_names(root / NOTES)}


def _noted_names(notes: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(name for note in os.listdir(notes) if is_own(name := note.replace(BREAK, "/")))
    return []


class Uploads:
    """The files of a local layer on their way; may be used by several threads."""

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self.root, self.store = root, store
        self._notes = root / NOTES
        self._room = BoundedSemaphore(WAITING)
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._going: set[Future[None]] = set()
        self._rests_until = 0.0
        self.begun = False  # whether something was handed over since the last wait

    def note(self, name: str, data: bytes) -> None:
        """Note that a file is to be handed over; call it before the file is written.

        Raises:
            StoreError: the local layer cannot be written.
        """
        path = self._note(name)
        with explain_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as stream:  # another process may have noted it, with other bytes
                stream.write(f"{digest_bytes(data)}\n".encode())

    def add(self, name: str, data: bytes) -> None:
        """Hand a file over, in the background unless it is large; if that fails, its note stays."""
        self.begun = True
        self._room.acquire()
        if len(data) > LARGE:
            self._send(name, data)
            return
        with self._lock:
            going = self._open_pool().submit(self._send, name, data)
            self._going.add(going)
        going.add_done_callback(self._going.discard)

    def wait(self, *, rest: bool = True) -> None:
        """Wait for what is on its way.

        Args:
            rest: hand over, too, what other processes and failed attempts have left.

        Raises:
            StoreError: something is not there; its local copy and its note stay.
        """
        with self._lock:
            going = tuple(self._going)
        wait_for_all(going, "uploading")
        if rest:
            self.begun = False
            self._send_rest()

    def leave(self, seconds: float) -> None:
        """Wait so many seconds at most for what is on its way; what is not begun then stays noted."""
        with self._lock:
            going = tuple(self._going)
        self.begun = False
        if wait(going, seconds).not_done:
            self._rests_until = time.monotonic() + REST

    def take_back(self, name: str, data: bytes) -> None:
        """Drop the note of bytes that were not stored after all, unless somebody noted others."""
        path = self._note(name)
        with explain_errors(path), suppress(FileNotFoundError):
            if path.read_bytes().decode("ascii", "replace").split() == [digest_bytes(data)]:
                path.unlink()

    def forget(self, name: str) -> None:
        """Drop the note of a file that is withdrawn."""
        self._note(name).unlink(missing_ok=True)

    def _open_pool(self) -> ThreadPoolExecutor:
        self._pool = self._pool or ThreadPoolExecutor(THREADS, "iceb-upload")
        return self._pool

    def _note(self, name: str) -> Path:
        return self._notes / name.replace("/", BREAK)

    def _send(self, name: str, data: bytes) -> None:
        try:
            self._put(name, data)
        finally:
            self._room.release()

    def _put(self, name: str, data: bytes) -> None:
        try:
            if time.monotonic() >= self._rests_until:
                self.store.put(name, data, FEW)
                self.forget(name)
                return
        except IcebError as error:
            with self._lock:
                first, self._rests_until = not self._rests_until, time.monotonic() + REST
            if first:
                LOG.warning("%s; it is tried again at the end", error)
        if not self._note(name).exists():  # another process has dropped it
            self.note(name, data)

    def _send_rest(self) -> None:
        errors: list[StoreError] = []
        with self._lock:
            going = [self._open_pool().submit(self._send_left, name, errors) for name in _noted_names(self._notes)]
        try:
            wait_for_all(going, "uploading")
        except BaseException:
            for each in going:
                each.cancel()
            raise
        for each in going:
            each.result()
        if errors:
            raise StoreError(f"{count_text(len(errors), 'file')} could not be uploaded: {errors[0]}")
        self._rests_until = 0.0

    def _send_left(self, name: str, errors: list[StoreError]) -> None:
        """Hand over a file that was left; an error is added to the others, and an outage ends the attempts."""
        outage = next((error for error in errors if isinstance(error, UnreachableError)), None)
        try:
            if outage is not None:
                raise outage
            self._hand_over(name)
        except StoreError as error:
            errors.append(error)

    def _hand_over(self, name: str) -> None:
        path = self.root / name
        try:
            noted, data = self._note(name).read_bytes().decode("ascii", "replace").split(), path.read_bytes()
        except FileNotFoundError:
            self._drop_old(name)
            return
        except OSError as error:
            raise StoreError(f"cannot read {path} ({error.strerror or error})") from error
        if any(map(is_key, noted)) and digest_bytes(data) not in noted:
            self._require_there(name, data)
        else:  # a power cut may have emptied the note; a reader finds out whether the file is whole
            self._put_left(name, data)
        self.forget(name)

    def _put_left(self, name: str, data: bytes) -> None:
        try:
            self.store.put(name, data)
        except StoreError as error:
            raise type(error)(f"{error} ({self.root}), and the next run with this cache uploads it") from error

    def _require_there(self, name: str, data: bytes) -> None:
        """Refuse a file that is not what was noted, unless it is the one at the URL."""
        if self.store.get(name, len(data)) != data:
            raise StoreError(
                f"{self.root / name} is not what was to be stored there: remove it, and the run that needs it makes it "
                "again"
            )

    def _drop_old(self, name: str) -> None:
        """Drop the note of a file that is not there, unless it is just being stored."""
        note = self._note(name)
        with suppress(FileNotFoundError):
            if time.time() - note.stat().st_mtime > OLD:
                note.unlink()

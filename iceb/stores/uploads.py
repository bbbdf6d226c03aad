"""Hand what a process stores to the cache's URL while it goes on; nothing is forgotten on the way.

A note beside the local files names each file that is still to be handed over, with the digest of its bytes. It is
written before the file and removed when the file is there, so a process that is killed, or that cannot reach the URL,
leaves the rest to the next one.
"""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock

from iceb.base.digest import digest_bytes
from iceb.base.errors import IcebError, StoreError
from iceb.base.files import explain_errors
from iceb.base.object_store import ObjectStore
from iceb.base.wording import count_text

LOG = logging.getLogger("iceb")
NOTES, BREAK = "uploads", "="  # the folder of notes; stands for "/" in their names
THREADS = 4
WAITING = 32  # files in memory; who stores more waits
LARGE = 32 << 20  # bytes; who stores such a file waits for its upload, so that few are in memory
REST = 60.0  # seconds without an attempt after one that failed


class Uploads:
    """The files of a local layer on their way; may be used by several threads."""

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self.root, self.store = root, store
        self._notes = root / NOTES
        self._room = BoundedSemaphore(WAITING)
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
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
            try:
                with path.open("x", encoding="ascii") as stream:
                    stream.write(digest_bytes(data))
            except FileExistsError:
                return

    def add(self, name: str, data: bytes) -> None:
        """Hand a file over, in the background unless it is large; if that fails, its note stays."""
        self.begun = True
        self._room.acquire()
        if len(data) > LARGE:
            self._send(name, data)
            return
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(THREADS, "iceb-upload")
            self._pool.submit(self._send, name, data)

    def wait(self, *, rest: bool = True) -> None:
        """Wait for what is on its way.

        Args:
            rest: hand over, too, what other processes and failed attempts have left.

        Raises:
            StoreError: something is not there; its local copy and its note stay.
        """
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)
        if rest:
            self._send_rest()
        self.begun = False

    def forget(self, name: str) -> None:
        """Drop the note of a file that is withdrawn."""
        self._note(name).unlink(missing_ok=True)

    def _noted_files(self) -> list[str]:
        """The names of the files that are noted, sorted."""
        with suppress(FileNotFoundError):
            return sorted(name.replace(BREAK, "/") for name in os.listdir(self._notes))
        return []

    def _note(self, name: str) -> Path:
        return self._notes / name.replace("/", BREAK)

    def _send(self, name: str, data: bytes) -> None:
        try:
            if time.monotonic() >= self._rests_until:
                self.store.put(name, data)
                self.forget(name)
        except IcebError as error:
            with self._lock:
                first, self._rests_until = not self._rests_until, time.monotonic() + REST
            if first:
                LOG.warning("%s; it is tried again at the end", error)
        finally:
            self._room.release()

    def _send_rest(self) -> None:
        left = self._noted_files()
        for place, name in enumerate(left):
            try:
                self._send_left(name)
            except StoreError as error:
                count = count_text(len(left) - place, "file")
                raise StoreError(
                    f"{count} could not be uploaded: {error} ({self.root}), and the next run with this cache uploads it"
                ) from error
        self._rests_until = 0.0

    def _send_left(self, name: str) -> None:
        """Hand over a file that was left, unless it is gone or not what was noted: its reader finds that."""
        try:
            digest, data = self._note(name).read_text(encoding="ascii"), (self.root / name).read_bytes()
        except (FileNotFoundError, UnicodeDecodeError):
            self.forget(name)
            return
        except OSError as error:
            raise StoreError(f"cannot read {self.root / name} ({error.strerror or error})") from error
        if digest_bytes(data) == digest:
            self.store.put(name, data)
        self.forget(name)

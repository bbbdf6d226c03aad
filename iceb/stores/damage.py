"""Read and write stored files with integrity checks, and record those found damaged.

A file that fails its check is removed, noted and counted as missing, so that its caller computes it again. The
notes are shown once a command is done: nothing is replaced in silence.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from iceb.base.errors import StoreError
from iceb.base.files import publish, write_atomic
from iceb.base.messages import reason, shorten
from iceb.stores.remote import Handing, fetch, refuse

Content = TypeVar("Content")
TRIES = 3  # attempts to publish, each after removing a damaged file


class DamagedError(Exception):
    """The bytes of a file are not what was written."""


@dataclass(frozen=True)
class Damage:
    """A stored file that failed its check."""

    path: Path
    reason: str
    removed: bool  # False: the cache cannot be written

    def line(self) -> str:
        """One line for the user: the file, the reason and the outcome."""
        outcome = "cannot be removed" if not self.removed else "remade" if self.path.exists() else "removed"
        return f"damaged, {outcome}: {self.path} ({self.reason})"


_noted: list[Damage] = []


def take_damage() -> list[Damage]:
    """Return and clear the damage noted since the last call.

    Appending and taking are atomic, so threads need no lock.
    """
    found = _noted[:]
    del _noted[: len(found)]
    return found


def note_damage(found: Iterable[Damage]) -> None:
    """Note what another process has found damaged, to be shown with this one's."""
    _noted.extend(found)


def read_checked(path: Path, parse: Callable[[Path], Content]) -> Content | None:
    """Parse a file; None if there is none, or if it is damaged (it is then removed and noted).

    Of a cache that is named by a URL, what the local layer lacks is fetched first, and checked alike.

    Raises:
        StoreError: the operating system does not let it be read, or it cannot be fetched.
    """
    found = _read_here(path, parse)
    if found is None and fetch(path):
        found = _read_here(path, parse)
        if found is None:
            refuse(path)
    return found


def _read_here(path: Path, parse: Callable[[Path], Content]) -> Content | None:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        _require_file(path)
        return parse(path)
    except FileNotFoundError:
        return None
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may make a library raise anything
        if isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(path, error) from error
        _discard(path, error, seen)
        return None


def read_quietly(path: Path, parse: Callable[[Path], Content]) -> Content | None:
    """Parse a file; None if there is none, or none that is sound. Nothing is removed or noted."""
    try:
        _require_file(path)
        return parse(path)
    except MemoryError:
        raise
    except Exception:  # a damaged file may raise anything; `read_checked` reports it
        return None


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot read {shorten(str(path))} ({getattr(error, 'strerror', None) or error})")


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        raise DamagedError("a link to nothing") from error
    if not stat.S_ISREG(mode):
        raise DamagedError("not a file")


def _discard(path: Path, error: Exception, seen: os.stat_result) -> None:
    """Remove a damaged file and note it, unless another process has replaced it since it was seen."""
    why = reason(error, 100)
    try:
        now = path.lstat()
        if (now.st_ino, now.st_mtime_ns) == (seen.st_ino, seen.st_mtime_ns):
            _remove(path)
            _noted.append(Damage(path, why, removed=True))
    except FileNotFoundError:
        return
    except OSError:
        _noted.append(Damage(path, why, removed=False))


def _remove(path: Path) -> None:
    """Remove a file, a link or an empty folder; move a folder that holds something aside."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    with suppress(OSError):
        path.rmdir()
        return
    aside = Path(tempfile.mkdtemp(prefix=f"{path.name}.aside-", dir=path.parent))
    os.rename(path, aside / path.name)


def publish_checked(
    path: Path, data: bytes, read: Callable[[], Content | None], *, durable: bool = True
) -> Content | None:
    """Write `data` unless a sound file is there; a damaged one is replaced.

    Args:
        read: what the standing file holds; None removes it if it is damaged.

    Returns:
        What the file that stands holds, so that all processes go on with one; None if that is `data`.

    Raises:
        StoreError: the cache cannot be written.
    """
    handing = Handing(path, data)
    for _ in range(TRIES):
        if publish(path, data, durable=durable):
            break
        standing = read()
        if standing is not None:
            handing.leave()
            return standing
    else:
        write_atomic(path, data, durable=durable)
    handing.finish()
    return None

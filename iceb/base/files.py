"""Atomic file writes, and paths named by content keys.

Every write goes to a temporary file in the same folder first. `write_atomic` replaces what is there; `publish` never
does: the first writer wins and the others learn that they lost, so processes share one artifact without locks.
"""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iceb.base.errors import StoreError
from iceb.base.messages import quote, shorten

TEMPORARY = ".partial-"  # prefix of unfinished files; what a killed process leaves behind
KEY = re.compile(r"[0-9a-f]{64}")
NO_LINK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # refusals that replacing a file would meet as well


def content_path(root: Path, key: str, suffix: str) -> Path:
    """The path of a key's content, two levels deep so that no folder grows beyond a few thousand entries.

    Keys come from run folders and manifests of others too, so nothing else than a key may become part of a path.

    Raises:
        StoreError: the key is not 64 lower-case hexadecimal digits.

    >>> content_path(Path("images"), "ab" * 32, ".png").as_posix()[:16]
    'images/ab/ababab'
    """
    if not is_key(key):
        raise StoreError(f"{quote(key, 80)} is not a key: must be 64 lower-case hexadecimal digits")
    return root / key[:2] / f"{key}{suffix}"


def is_key(key: object) -> bool:
    """Whether `key` is 64 lower-case hexadecimal digits.

    >>> is_key("0" * 64), is_key("../photo"), is_key(None)
    (True, False, False)
    """
    return isinstance(key, str) and KEY.fullmatch(key) is not None


@contextlib.contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors at `path`, and Python's about its name, into one clear StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(_explanation(shorten(str(path)), error)) from error
    except ValueError as error:  # lone surrogates and NUL never reach the operating system
        if not (isinstance(error, UnicodeEncodeError) or "null" in str(error)):
            raise
        raise StoreError(f"{quote(str(path))} cannot be the name of a file ({error}): choose another name") from error


def _explanation(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left to write {path}: free some (iceb cache --prune) and run the same command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write {path}: choose a writable folder with `cache` (or ICEB_CACHE) or `out`"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return (
            f"{path} cannot be written because a file stands where a folder must be: remove it or choose another folder"
        )
    if error.errno == errno.ENAMETOOLONG:
        return f"cannot write {path}: its name is too long; choose a shorter one with `cache` (or ICEB_CACHE) or `out`"
    reason = error.strerror or error
    return f"cannot write {path} ({reason}): choose another folder with `cache` (or ICEB_CACHE) or `out`"


@contextlib.contextmanager
def _temporary_file(path: Path, data: bytes, durable: bool) -> Iterator[Path]:
    """A complete temporary file next to `path`, removed on exit if it still stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `data` to `path` atomically: a reader sees the old bytes or the new, never a mixture.

    Args:
        durable: wait until the bytes are on the disk; False only where losing the file to a power cut costs little.

    Raises:
        StoreError: no permission, no space, or the path is not a place for a file.
    """
    with explain_errors(path), _temporary_file(path, data, durable) as temporary:
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Create a folder atomically: the block fills it, and an exception leaves nothing behind.

    Raises:
        StoreError: something stands at `path` already, no permission, no space; all but the last before any work.
    """
    with explain_errors(path):
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise StoreError(f"{path} exists already: remove it, or name another folder with `out`")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        yield temporary
        with explain_errors(path):
            for made in (temporary, *temporary.rglob("*")):  # libraries write some files for their owner alone
                os.chmod(made, 0o755 if made.is_dir() else 0o644)
            with contextlib.suppress(FileNotFoundError):
                path.rmdir()  # an empty folder: Windows replaces none
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Write `data` to `path` unless a file is there already; True if these bytes were written.

    Raises:
        StoreError: as `write_atomic`.
    """
    with explain_errors(path), _temporary_file(path, data, durable) as temporary:
        os.chmod(temporary, 0o644)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in NO_LINK:
                raise
            return _publish_without_links(path, temporary)
    return True


def _publish_without_links(path: Path, temporary: Path) -> bool:
    """Publish without a hard link: replacing is atomic as well, and two writers hold equal content."""
    if path.exists():
        return False
    os.replace(temporary, path)
    return True

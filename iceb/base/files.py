"""Files that are either whole or absent, and paths named by content.

Every write goes to a temporary file in the same folder first. `write_atomic` replaces what is there; `publish` never
does: the first writer wins and the others learn that they lost, so processes share one artifact without locks.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from iceb.base.errors import StoreError

TEMPORARY = ".partial-"  # prefix of unfinished files; what a killed process leaves behind


def content_path(root: Path, digest: str, suffix: str) -> Path:
    """Where content of this digest lies: two levels, so that no folder grows beyond a few thousand entries.

    >>> content_path(Path("images"), "abcdef", ".png").as_posix()
    'images/ab/abcdef.png'
    """
    return root / digest[:2] / f"{digest}{suffix}"


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals at `path` into one clear StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(_explanation(path, error)) from error


def _explanation(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left to write {path}: free some (iceb cache --prune) and run the same command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write {path}: choose a writable folder with --cache (or ICEB_CACHE) or --out"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return (
            f"{path} cannot be written because a file stands where a folder must be: remove it or choose another folder"
        )
    reason = error.strerror or error
    return f"cannot write {path} ({reason}): choose another folder with --cache (or ICEB_CACHE) or --out"


@contextlib.contextmanager
def _finished(path: Path, data: bytes, durable: bool) -> Iterator[Path]:
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
    """Write `data` to `path`, replacing what is there; a reader sees the old bytes or the new, never a mixture.

    Args:
        durable: wait until the bytes are on the disk; False only where losing the file to a power cut costs little.

    Raises:
        StoreError: no permission, no space, or the path is not a place for a file.
    """
    with explained(path), _finished(path, data, durable) as temporary:
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place at `path` when everything inside went well, and leaves nothing otherwise.

    Raises:
        StoreError: something stands at `path` already, no permission, no space; all but the last before any work.
    """
    with explained(path):
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise StoreError(f"{path} exists already: remove it, or name another folder with --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        yield temporary
        with explained(path):
            for made in (temporary, *temporary.rglob("*")):  # libraries write some files for their owner alone
                os.chmod(made, 0o755 if made.is_dir() else 0o644)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Write `data` to `path` unless something is there already; True if these bytes are the ones that stand.

    Raises:
        StoreError: as `write_atomic`.
    """
    with explained(path), _finished(path, data, durable) as temporary:
        os.chmod(temporary, 0o644)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            return _publish_without_links(path, temporary)
    return True


def _publish_without_links(path: Path, temporary: Path) -> bool:
    """File systems without hard links: replacing is still atomic; two writers of one key hold equal content."""
    if path.exists():
        return False
    os.replace(temporary, path)
    return True

"""Files by name below a URL that fsspec can open: an object store, a server, memory.

What goes wrong is tried again for half a minute, then one line says what. A request that is not answered in time counts
as one that failed, and is not tried again. fsspec is imported when a file is first asked for.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from posixpath import dirname
from typing import Any, TypeVar
from uuid import uuid4

from iceb.base.errors import IcebError, SpecError, StoreError, UnreachableError
from iceb.base.files import TEMPORARY
from iceb.base.messages import reason, shorten
from iceb.base.waiting import wait_for

Found = TypeVar("Found")
TRIES, PAUSE = 7, 0.5  # attempts, and seconds before the second; twice as many before the third, and so on
FEW = 3  # attempts where somebody waits, or where the file is tried again later
LIMIT, LISTING = 45.0, 120.0  # seconds for a request with all of its attempts
SLOWEST = 1 << 20  # bytes per second; for what is sent or fetched there are so many seconds more
FETCHED = 64 << 20  # bytes; few files are larger
FINAL = (FileNotFoundError, PermissionError, NotImplementedError, IsADirectoryError)  # no use in trying again
FOLDERS = ("file", "local", "sftp", "ssh")  # they show a file while it is written, so it is renamed at its end
AT_ONCE = 32  # files fetched with one request


class ObjectStore:
    """A folder of files at a URL; may be used by several threads.

    Args:
        url: as fsspec reads it, s3://bucket/folder; rights and endpoints are taken from fsspec's own settings.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _system(self) -> tuple[Any, str]:
        """The file system, and the URL's place in it.

        Raises:
            SpecError: there is no such protocol, or its package is not installed.
        """
        from fsspec.core import url_to_fs

        try:
            system, base = url_to_fs(self.url)
        except ImportError as error:
            raise SpecError(
                f"`cache` {shorten(self.url)}: the package of this protocol is not installed ({reason(error, 200)})"
            ) from error
        except Exception as error:  # of the protocol's own package, which may raise anything
            raise SpecError(
                f"`cache` {shorten(self.url)}: fsspec cannot open it ({reason(error, 200)}): name a folder, or a URL "
                "that fsspec knows, such as s3://bucket/folder"
            ) from error
        return system, str(base).rstrip("/")

    def names(self, folder: str) -> set[str]:
        """The names of all files below a folder, as they are now.

        Raises:
            StoreError: it cannot be listed.
        """

        def find(system: Any, base: str) -> set[str]:
            system.invalidate_cache()
            start = len(base.lstrip("/")) + 1
            with suppress(FileNotFoundError):
                found = system.find(f"{base}/{folder}")
                return {path.lstrip("/")[start:] for path in found if f"/{TEMPORARY}" not in path}
            return set()

        return self._try("list", folder, find, LISTING)

    def get(self, name: str, largest: int = FETCHED) -> bytes | None:
        """The bytes of a file; None if there is none.

        Args:
            largest: bytes that are given the time to come.

        Raises:
            StoreError: it cannot be read.
        """

        def read(system: Any, base: str) -> bytes | None:
            with suppress(FileNotFoundError):
                return bytes(system.cat_file(f"{base}/{name}"))
            return None

        return self._try("read", name, read, _seconds_for(largest))

    def get_all(self, names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        """The bytes of several files, many with one request; those that are not there any more are left out.

        Raises:
            StoreError: one cannot be read.
        """
        wanted = sorted(names)
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            found = self._try("read", part[0], partial(_cat, part), _seconds_for(FETCHED))
            for name in part:
                data = found.get(name)
                if not isinstance(data, bytes | FileNotFoundError):
                    data = self.get(name)
                if isinstance(data, bytes):
                    yield name, data

    def put(self, name: str, data: bytes, tries: int | None = None) -> None:
        """Write a file, whole or not at all; one that is there is replaced.

        Args:
            tries: attempts; None: as many as for anything else.

        Raises:
            StoreError: it cannot be written.
        """

        def write(system: Any, base: str) -> None:
            if _is_folder(system):
                _write_and_rename(system, f"{base}/{name}", data)
            else:
                system.pipe_file(f"{base}/{name}", data)

        self._try("write", name, write, _seconds_for(len(data)), tries)

    def remove(self, name: str) -> None:
        """Remove a file if it is there.

        Raises:
            StoreError: it cannot be removed.
        """

        def remove(system: Any, base: str) -> None:
            with suppress(FileNotFoundError):
                system.rm_file(f"{base}/{name}")

        self._try("remove", name, remove, LIMIT, FEW)

    def _try(
        self, what: str, name: str, call: Callable[[Any, str], Found], seconds: float, tries: int | None = None
    ) -> Found:
        """Carry out a request on the file system, and the URL's place in it."""
        try:
            end = time.monotonic() + seconds
            return wait_for(partial(self._attempts, call, tries or TRIES, end), seconds, f"waiting for {self.url}")
        except (IcebError, MemoryError):
            raise
        except Exception as error:  # every file system has errors of its own
            raise _explanation(what, f"{self.url}/{name}", error) from error

    def _attempts(self, call: Callable[[Any, str], Found], tries: int, end: float) -> Found:
        """Try again after what fails, until nobody waits any more."""
        for attempt in range(tries - 1):
            try:
                return call(*self._system)
            except (IcebError, MemoryError, *FINAL):
                raise
            except Exception:
                time.sleep(PAUSE * 2**attempt)
                if time.monotonic() > end:
                    raise
        return call(*self._system)


def _seconds_for(count: int) -> float:
    """The time that is given to so many bytes."""
    return LIMIT + count / SLOWEST


def _cat(names: list[str], system: Any, base: str) -> dict[str, Any]:
    """The bytes of each of some files, or the error that it met."""
    paths = [f"{base}/{name}" for name in names]
    found = system.cat(paths, on_error="return")
    if not isinstance(found, Mapping):
        found = {paths[0]: found}
    return {name: found.get(path) for name, path in zip(names, paths, strict=True)}


def _write_and_rename(system: Any, target: str, data: bytes) -> None:
    system.makedirs(dirname(target), exist_ok=True)
    unfinished = f"{dirname(target)}/{TEMPORARY}{uuid4().hex}"
    try:
        system.pipe_file(unfinished, data)
        system.mv(unfinished, target)
    except BaseException:
        with suppress(Exception):  # what failed is what is reported
            system.rm_file(unfinished)
        raise


def _is_folder(system: Any) -> bool:
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    return any(protocol in FOLDERS for protocol in protocols)


def _explanation(what: str, place: str, error: Exception) -> StoreError:
    why = f"cannot {what} {shorten(place)} ({type(error).__name__}: {reason(error, 200)})"
    if isinstance(error, FileNotFoundError):
        return StoreError(f"{why}: create the bucket or folder first, or name another cache by `cache`")
    if isinstance(error, PermissionError):
        remedy = "give fsspec the rights for it (its package says how), or name another cache by `cache`"
        return StoreError(f"{why}: {remedy}")
    return UnreachableError(
        f"{why}: run the same command again when it can be reached; what was made is kept in the local layer"
    )

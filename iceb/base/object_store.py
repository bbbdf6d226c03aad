"""Files by name below a URL that fsspec can open: an object store, a server, memory.

What goes wrong is tried again twice, then one line that says what. fsspec is imported when a file is first asked for.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from posixpath import dirname
from typing import Any, TypeVar
from uuid import uuid4

from iceb.base.errors import SpecError, StoreError
from iceb.base.files import TEMPORARY
from iceb.base.messages import reason, shorten

Found = TypeVar("Found")
TRIES, PAUSE = 3, 0.5  # attempts, and seconds before the second; twice as many before the third
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
        system, base = self._system

        def find() -> Iterable[str]:
            system.invalidate_cache()
            try:
                return list(system.find(f"{base}/{folder}"))
            except FileNotFoundError:
                return []

        found = self._try("list", folder, find)
        start = len(base.lstrip("/")) + 1
        return {path.lstrip("/")[start:] for path in found if f"/{TEMPORARY}" not in path}

    def get(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none.

        Raises:
            StoreError: it cannot be read.
        """
        system, base = self._system

        def read() -> bytes | None:
            try:
                return bytes(system.cat_file(f"{base}/{name}"))
            except FileNotFoundError:
                return None

        return self._try("read", name, read)

    def get_all(self, names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        """The bytes of several files, many with one request; those that are not there any more are left out.

        Raises:
            StoreError: one cannot be read.
        """
        system, base = self._system
        wanted = sorted(names)
        for start in range(0, len(wanted), AT_ONCE):
            part = {f"{base}/{name}": name for name in wanted[start : start + AT_ONCE]}
            found: Mapping[str, Any] = self._try("read", wanted[start], partial(_cat, system, list(part)))
            for path, name in part.items():
                data = found.get(path)
                if not isinstance(data, bytes | FileNotFoundError):
                    data = self.get(name)
                if isinstance(data, bytes):
                    yield name, data

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; one that is there is replaced.

        Raises:
            StoreError: it cannot be written.
        """
        system, base = self._system
        target = f"{base}/{name}"

        def write() -> None:
            if not _is_folder(system):
                system.pipe_file(target, data)
                return
            system.makedirs(dirname(target), exist_ok=True)
            unfinished = f"{dirname(target)}/{TEMPORARY}{uuid4().hex}"
            system.pipe_file(unfinished, data)
            system.mv(unfinished, target)

        self._try("write", name, write)

    def remove(self, name: str) -> None:
        """Remove a file if it is there.

        Raises:
            StoreError: it cannot be removed.
        """
        system, base = self._system

        def remove() -> None:
            try:
                system.rm_file(f"{base}/{name}")
            except FileNotFoundError:
                return

        self._try("remove", name, remove)

    def _try(self, what: str, name: str, call: Callable[[], Found]) -> Found:
        for attempt in range(TRIES):
            try:
                return call()
            except MemoryError:
                raise
            except Exception as error:  # every file system has errors of its own
                if isinstance(error, FINAL) or attempt == TRIES - 1:
                    raise StoreError(_explanation(what, f"{self.url}/{name}", error)) from error
            time.sleep(PAUSE * 2**attempt)
        raise AssertionError("unreachable")


def _cat(system: Any, paths: list[str]) -> Mapping[str, Any]:
    found = system.cat(paths, on_error="return")
    return found if isinstance(found, Mapping) else {paths[0]: found}


def _is_folder(system: Any) -> bool:
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    return any(protocol in FOLDERS for protocol in protocols)


def _explanation(what: str, place: str, error: Exception) -> str:
    why = f"cannot {what} {shorten(place)} ({type(error).__name__}: {reason(error, 200)})"
    if isinstance(error, FileNotFoundError):
        return f"{why}: create the bucket or folder first, or name another cache by `cache`"
    if isinstance(error, PermissionError):
        return f"{why}: give fsspec the rights for it (its package says how), or name another cache by `cache`"
    return f"{why}: run the same command again when it can be reached; what was made is kept in the local layer"

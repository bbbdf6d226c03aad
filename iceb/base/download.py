"""Download one file of a known sha256; where a connection broke off, the next try goes on."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.base.files import explain_errors
from iceb.base.messages import first_line
from iceb.base.progress import stage
from iceb.base.wording import size_text

PART = ".part"  # suffix of a file that is not whole yet
CHUNK = 1024  # bytes that are written at once; a connection that breaks off loses at most so many
KB = 1000  # bytes of one step of progress
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two bytes
BEYOND = 416  # the server's answer where nothing follows what is here


def download(url: str, target: Path, sha256: str, declared_by: str, remedy: str) -> None:
    """Download `url` to `target` unless it is there, by way of a file beside it that ends in ".part".

    Processes that fetch one file do it one after the other; the later ones find it there.

    Args:
        declared_by: what names the sha256, for messages.
        remedy: what to do where nothing comes, likewise.

    Raises:
        DataError: no connection, no such file, or another file than declared.
        StoreError: the folder cannot be written.
    """
    part = target.with_name(f"{target.name}{PART}")
    with explain_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock_file(part) as stream:
            if not target.is_file():
                _fill(stream, part, url, sha256, declared_by, remedy)
            _rename(part, target)  # while others still wait, or they would ask for what follows the end


@contextlib.contextmanager
def _lock_file(part: Path) -> Iterator[IO[bytes]]:
    """Open a file to append to it, alone where the system has locks."""
    with part.open("ab") as stream:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream


def _rename(part: Path, target: Path) -> None:
    """Give a whole file its name; another process may have done so, or have left an empty one."""
    if target.is_file():
        part.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        os.replace(part, target)


def _fill(stream: IO[bytes], part: Path, url: str, sha256: str, declared_by: str, remedy: str) -> None:
    """Bring a file to its end and check it; one that went on from wrong bytes is begun again, once."""
    went_on = stream.seek(0, os.SEEK_END) > 0
    _receive(url, stream, remedy)
    found = digest_file(part)
    if found != sha256 and went_on:
        stream.truncate(0)
        _receive(url, stream, remedy)
        found = digest_file(part)
    if found != sha256:
        part.unlink()
        raise DataError(f"{url} is not the file that {declared_by} declares: sha256 {found}, expected {sha256[:12]}…")


def _receive(url: str, stream: IO[bytes], remedy: str) -> None:
    """Append what is missing, again and again while that brings something.

    Raises:
        DataError: a try brought nothing.
    """
    from requests import RequestException

    while True:
        begun = stream.seek(0, os.SEEK_END)
        problem = "the connection broke off"
        try:
            whole = _receive_once(url, stream)
        except RequestException as error:
            whole, problem = False, _problem(error)
        stream.flush()
        size = stream.seek(0, os.SEEK_END)
        if whole:
            return
        if size <= begun:
            kept = f"; {size_text(size)} of it are kept, and the same command goes on from there" if size else ""
            raise DataError(f"cannot fetch {url} ({problem}): {remedy}{kept}")


def _problem(error: Any) -> str:
    """Name an error of the connection, or the server's answer, in a few words."""
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"the server answers {answer.status_code} {first_line(Exception(str(answer.reason)), 60)}"
    return type(error).__name__


def _receive_once(url: str, stream: IO[bytes]) -> bool:
    """Append what one answer of the server brings; whether the file is whole then."""
    import requests

    have = stream.tell()
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if have and answer.status_code == BEYOND:
            return True
        answer.raise_for_status()
        if have and answer.status_code != requests.codes.partial_content:  # the server begins at the beginning
            stream.truncate(0)
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        name = f"fetching {url.rpartition('/')[2]}, kB"
        with stage(name, -(-total // KB) if total else None) as advance:
            shown = 0
            for chunk in answer.iter_content(CHUNK):
                have += stream.write(chunk)
                advance(have // KB - shown)
                shown = have // KB
    return total is None or have >= total

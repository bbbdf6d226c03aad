"""Detect what a plug-in leaves behind: changed process settings, and files outside its folders."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from iceb.conformance.check_line import Broken, Line, Outcome, line
from iceb.models.process import Process

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {  # audit events that change files, and which of their arguments are paths
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
}
BYTECODE = "__pycache__"  # Python's own
DEVICES = Path("/dev")
SHOWN = 3  # paths that a message lists

_written: list[list[Path]] = []  # paths recorded by the current watcher


class ProcessWatch:
    """Watch the process and its files while checks run.

    Args:
        folders: where files may be written, beside the folder of temporary files.
        device: whose random state counts beside the processor's.
    """

    def __init__(self, *folders: Path, device: str = "cpu") -> None:
        allowed = [*folders, Path(tempfile.gettempdir()), DEVICES]
        self._allowed = [path.expanduser().resolve() for path in allowed]
        self._written: list[Path] = []
        self._process = Process(SimpleNamespace(components={}), torch.device(device))

    def line(self, check: str, work: Callable[[], Outcome]) -> Line:
        """Run one check and record the files it writes."""
        with _watch_writes(self._written):
            return line(check, work)

    def process_as_before(self) -> str:
        """Check that random states, dtype, threads, flags and working folder are unchanged; else restore them.

        Raises:
            Broken: one is not.
        """
        if changes := self._process.changes():
            self._process.restore()
            raise Broken(f"changed {changes}: put back what you change, and draw from a generator of your own")
        return ""

    def nothing_written(self) -> str:
        """Check that no file outside the allowed folders was written, removed or renamed.

        Raises:
            Broken: one was.
        """
        outside = [path for path in dict.fromkeys(self._written) if not self._is_allowed(path)]
        if outside:
            shown = ", ".join(map(str, outside[:SHOWN])) + (" …" if len(outside) > SHOWN else "")
            raise Broken(f"wrote outside the cache: {shown}")
        return ""

    def _is_allowed(self, path: Path) -> bool:
        place = path.resolve()
        return BYTECODE in path.parts or any(place.is_relative_to(folder) for folder in self._allowed)


@contextmanager
def _watch_writes(paths: list[Path]) -> Iterator[None]:
    """Record the paths that Python writes to inside the block; files written by C code alone are not seen."""
    _hook()
    _written.append(paths)
    try:
        yield
    finally:
        _written.remove(paths)


@cache
def _hook() -> None:
    sys.addaudithook(_audit)  # an audit hook cannot be removed; it does nothing without a watcher


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _written:
        return
    opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    places = (0,) if opened else CHANGES.get(event, ())
    for place in places:
        _note(arguments[place])


def _note(given: object) -> None:
    if isinstance(given, str | bytes | os.PathLike):
        path = Path(os.path.abspath(os.fsdecode(given)))
        for paths in _written:
            paths.append(path)

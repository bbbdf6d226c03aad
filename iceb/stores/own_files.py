"""List the files of a cache that ICEB has written, without following links."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb.base.files import TEMPORARY

PAIR, KEY = r"[0-9a-f]{2}", r"[0-9a-f]{64}"
LEVELS: dict[str, tuple[str, ...]] = {  # the names of folders and files below each store
    "edits": (PAIR, rf"{KEY}\.safetensors"),
    "images": (PAIR, rf"{KEY}\.png"),
    "measured": (r"[0-9a-f]{16}", PAIR, rf"{KEY}\.pack"),
    "scratch": (PAIR, rf"{KEY}\.array"),
    "texts": (PAIR, rf"{KEY}\.pack"),
}
NOTES: dict[str, tuple[str, ...]] = {  # never pruned, but for what a killed process left unfinished there
    "pace": (PAIR, rf"{KEY}\.json"),
    "runs": (PAIR, rf"{KEY}\.txt"),
}
UNFINISHED = re.compile(rf"{re.escape(TEMPORARY)}\w+")  # as `tempfile` ends it


def is_own(name: str) -> bool:
    """Whether a name below a cache, with slashes, is one that ICEB gives to a stored file.

    >>> is_own(f"images/ab/{'ab' * 32}.png"), is_own("images/ab/../../photo.png"), is_own("photo.png")
    (True, False, False)
    """
    store, *parts = name.split("/")
    levels = LEVELS.get(store, ())
    return len(parts) == len(levels) > 0 and all(map(re.fullmatch, levels, parts))


@dataclass(frozen=True)
class File:
    """A file of the cache as it was when it was looked at."""

    path: Path
    bytes: int
    written: float  # seconds since the epoch


def stored_files(root: Path, kinds: Iterable[str]) -> list[File]:
    """The finished files of some stores, sorted; a store that is a link holds none."""
    found = (file for kind in kinds for file in _walk(root / kind, LEVELS[kind]))
    return sorted((file for file in found if not UNFINISHED.fullmatch(file.path.name)), key=lambda file: file.path)


def unfinished_files(root: Path) -> list[File]:
    """Unfinished files that killed processes have left below a cache, sorted."""
    below = (file for kind, levels in (LEVELS | NOTES).items() for file in _walk(root / kind, levels))
    found = (file for file in (*_walk(root, ()), *below) if UNFINISHED.fullmatch(file.path.name))
    return sorted(found, key=lambda file: file.path)


def _walk(folder: Path, levels: Sequence[str]) -> Iterator[File]:
    """Unfinished files in `folder` and in what the levels name below it; any may vanish meanwhile."""
    if folder.is_symlink() or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            named = bool(levels) and re.fullmatch(levels[0], entry.name)
            if named and len(levels) > 1 and entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), levels[1:])
            ours = UNFINISHED.fullmatch(entry.name) or (named and len(levels) == 1)
            if ours and entry.is_file(follow_symlinks=False):
                yield from _file(entry)


def _file(entry: "os.DirEntry[str]") -> Iterator[File]:
    try:
        stat = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    yield File(Path(entry.path), stat.st_size, stat.st_mtime)

"""Remove cache files that no run refers to: only files with ICEB's names, and never through a link.

A file younger than some hours always stays, because a running process may be about to use it.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from iceb.base.cache import is_cache
from iceb.base.errors import ResultError, SpecError, StoreError
from iceb.base.files import explain_errors
from iceb.running.cache_use import RunUse, damaged_notes, known_folders, missing_folders, runs, unfinished_runs
from iceb.stores.own_files import File, stored_files, unfinished_files
from iceb.stores.uploads import unsent_files

KINDS = ("images", "measured", "edits")  # stores that runs refer to
KEPT = ("scratch", "texts")  # stores that methods fill


def unreferenced_files(cache: Path, used: Sequence[RunUse], *, scratch: bool = False) -> list[File]:
    """List cache files that no run refers to, and temporary files of killed processes.

    Files that are not at the cache's URL yet are left out.

    Args:
        scratch: what methods keep, too.

    Raises:
        ResultError: there is no run at all, which is more likely a wrong folder than a wish.
    """
    if not used:
        raise ResultError("no run refers to anything, so everything would go: name the folder of the runs with `outs`")
    kept = unsent_files(cache).union(*(run.files for run in used))
    stored = stored_files(cache, (*KINDS, *KEPT) if scratch else KINDS)
    return [*(file for file in stored if file.path not in kept), *unfinished_files(cache)]


def removable(
    cache: Path, outs: Sequence[Path], *, scratch: bool, hours: float, gone: bool = False
) -> tuple[list[File], int]:
    """Return the files to remove, and the number of unreferenced ones younger than `hours`.

    Args:
        cache: the cache's folder, no link in its path.
        outs: folders of runs; those that the cache has noted count as well.
        gone: noted folders that are not there were removed, and their runs need nothing any more.

    Raises:
        SpecError: the folder is no cache, a noted folder of runs is not there, a run or a plan is unfinished and would
            lose its images, one of `outs` is not a folder.
        ResultError: as `runs` and `unreferenced`.
        StoreError: a note of a folder of runs is damaged.
    """
    for out in outs:
        if not out.is_dir():
            raise SpecError(f"`outs` {out} is not a folder: name the folder that runs were written to")
    if not is_cache(cache):
        raise SpecError(f"{cache} is no cache that ICEB has written, and nothing there is removed: name one by `cache`")
    if lost := damaged_notes(cache):
        raise StoreError(
            f"{lost[0]} named a folder of runs and is damaged: name every folder of runs by `outs` and remove it first"
        )
    if not gone and (lost := sorted(set(missing_folders(cache).values()))):
        raise SpecError(
            f"{len(lost)} folders of runs with this cache are not there ({lost[0]}), and their images would go: "
            "mount the disk they lie on, or say `gone` if they were removed"
        )
    outs = [*outs, *known_folders(cache)]
    going = unfinished_runs(outs)
    if going:
        raise SpecError(
            f"{len(going)} runs or plans are unfinished and would lose their images ({going[0]}): "
            "run them to the end, or remove their folders"
        )
    spare = unreferenced_files(cache, runs(outs, cache), scratch=scratch)
    old = [file for file in spare if file.written <= time.time() - hours * 3600]
    return old, len(spare) - len(old)


def remove_notes(cache: Path) -> None:
    """Remove the notes of missing run folders.

    Raises:
        StoreError: one cannot be removed.
    """
    for path in missing_folders(cache):
        _remove(path)


def remove(files: Sequence[File]) -> None:
    """Remove files that still exist.

    Raises:
        StoreError: one cannot be removed.
    """
    for file in files:
        _remove(file.path)


def _remove(path: Path) -> None:
    with explain_errors(path):
        if path.parent.resolve() == path.parent:  # unless a link has replaced a folder meanwhile
            path.unlink(missing_ok=True)

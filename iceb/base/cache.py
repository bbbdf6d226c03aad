"""Locate the cache folder, recognise it by its tag file, and check that it can be written."""

import os
from pathlib import Path

from iceb.base.errors import StoreError
from iceb.base.files import write_atomic
from iceb.base.readers import user_path

ENVIRONMENT = "ICEB_CACHE"
XDG = "XDG_CACHE_HOME"
WHERE = "ICEB_CACHE, else XDG_CACHE_HOME/iceb, else ~/.cache/iceb"  # for help and messages
TAG = "CACHEDIR.TAG"
# Backup programs know by this line a folder that can be made again (bford.info/cachedir), and ICEB by both its own.
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by iceb: "


def cache_root(named: str | Path | None = None) -> Path:
    """The cache's folder: the one named, else ICEB_CACHE, else XDG_CACHE_HOME/iceb, else ~/.cache/iceb.

    Raises:
        SpecError: no file system has such a name.
    """
    chosen = named or os.environ.get(ENVIRONMENT)
    if chosen:
        return user_path(chosen)
    base = os.environ.get(XDG, "")
    return user_path(base if os.path.isabs(base) else "~/.cache") / "iceb"  # a relative one counts as none, says XDG


def is_cache(folder: Path) -> bool:
    """Whether ICEB has written this folder as its cache."""
    try:
        with (folder / TAG).open("rb") as stream:
            return stream.read(len(SIGNATURE)) == SIGNATURE
    except (OSError, ValueError):
        return False


def require_writable(cache: Path) -> None:
    """Write the cache's tag file, so that an unwritable cache is refused before hours of work.

    Raises:
        StoreError: the cache cannot be written.
    """
    try:
        write_atomic(cache / TAG, SIGNATURE + b"images, edits and numbers by content.\n")
    except StoreError as error:
        raise StoreError(f"the cache cannot be used: {error}") from error

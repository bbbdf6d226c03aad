"""Locate the cache folder, recognise it by its tag file, and check that it can be written."""

import os
from pathlib import Path

from iceb.base.errors import StoreError
from iceb.base.files import write_atomic
from iceb.base.readers import user_path

ENVIRONMENT = "ICEB_CACHE"
XDG = "XDG_CACHE_HOME"
WHERE = "ICEB_CACHE, else XDG_CACHE_HOME/iceb, else ~/.cache/iceb"  # the default folder in help and messages
TAG = "CACHEDIR.TAG"
# The first line marks a cache for backup programs (bford.info/cachedir), both lines mark one for ICEB.
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
    return user_path(base if os.path.isabs(base) else "~/.cache") / "iceb"  # XDG ignores a relative path


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

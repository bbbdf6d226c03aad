"""Locate the cache folder, recognise it by its tag file, and check that it can be written."""

import os
from pathlib import Path

from iceb.base.cache_url import cache_url, local_layer, url_of
from iceb.base.errors import StoreError
from iceb.base.files import write_atomic
from iceb.base.object_store import FEW, ObjectStore
from iceb.base.readers import user_path

ENVIRONMENT = "ICEB_CACHE"
XDG = "XDG_CACHE_HOME"
WHERE = "ICEB_CACHE, else XDG_CACHE_HOME/iceb, else ~/.cache/iceb"  # the default folder in help and messages
TAG = "CACHEDIR.TAG"
# The first line marks a cache for backup programs (bford.info/cachedir), both lines mark one for ICEB.
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by iceb: "


def cache_root(named: str | Path | None = None) -> Path:
    """The cache's folder: the one named, else ICEB_CACHE, else XDG_CACHE_HOME/iceb, else ~/.cache/iceb.

    Of a cache that is named by a URL it is the local layer: a folder below the cache that ICEB_CACHE names by a path,
    else below the default one.

    Raises:
        SpecError: no file system has such a name, or it is no whole URL.
    """
    default = os.environ.get(ENVIRONMENT)
    chosen = named or default
    if not chosen:
        return _user_cache()
    if (url := cache_url(chosen)) is None:
        return user_path(chosen)
    return local_layer(url, user_path(default) if default and cache_url(default) is None else _user_cache())


def _user_cache() -> Path:
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

    Of a cache that is named by a URL the tag is written there as well.

    Raises:
        SpecError: the package of the URL's protocol is not installed, or there is no such protocol.
        StoreError: the cache cannot be written.
    """
    tag = SIGNATURE + b"images, edits and numbers by content.\n"
    try:
        write_atomic(cache / TAG, tag)
        if (url := url_of(cache)) is not None:
            ObjectStore(url).put(TAG, tag, FEW)
    except StoreError as error:
        raise StoreError(f"the cache cannot be used: {error}") from error

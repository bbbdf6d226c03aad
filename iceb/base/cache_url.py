"""Recognise a cache that is named by a URL, as s3://bucket/folder, and place its local layer.

A URL may have become a path on its way (`s3:/bucket/folder`), and is told by its scheme all the same.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from iceb.base.digest import digest_bytes
from iceb.base.errors import SpecError
from iceb.base.messages import quote

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)  # a drive of Windows is a single letter
PASSWORD = re.compile(r"(:/+)[^/@:]*:(?!\d+(?:/|$)).+@", re.DOTALL)  # a number behind a host is its port
ROOTED = ("file", "local")  # schemes whose places begin with a slash
FOLDER = "remote"  # of local layers, below the cache that has no URL

_layers: dict[Path, str] = {}  # the local layers of this process, and the URL of each


def cache_url(named: str | Path) -> str | None:
    """The URL by which a cache is named, whole and without a slash at its end; None for a path.

    Raises:
        SpecError: nothing is named behind the scheme, one scheme stands behind another, or there is a password.

    >>> cache_url("s3://bucket/iceb/"), cache_url(Path("s3://bucket/iceb")), cache_url(Path("file:///mnt/iceb"))
    ('s3://bucket/iceb', 's3://bucket/iceb', 'file:///mnt/iceb')
    >>> cache_url("caches/iceb") is None
    True
    """
    text = named.as_posix() if isinstance(named, Path) else named
    if "::" in text or URL.fullmatch(text):
        _refuse_password(text)
    if (found := URL.fullmatch(text)) is None:
        if "::" in text and "://" in text:
            raise SpecError(f"`cache` {quote(text, 200)}: must be one URL, such as s3://bucket/folder, without `::`")
        return None
    scheme, rest = found[1].lower(), found[2].strip("/")
    if not rest or "::" in rest or "\0" in rest:
        raise SpecError(f"`cache` {quote(text, 200)}: must name one place behind its scheme, as s3://bucket/folder")
    return f"{scheme}://{'/' if scheme in ROOTED else ''}{rest}"


def _refuse_password(text: str) -> None:
    if PASSWORD.search(text):
        shown = quote(PASSWORD.sub(r"\1…@", text), 200)
        raise SpecError(
            f"`cache` {shown}: a password in it would stand in plans and messages: leave it out, and give it to fsspec "
            "in fsspec's own settings (~/.config/fsspec)"
        )


def local_layer(url: str, beside: Path) -> Path:
    """The folder of the local layer of a URL's cache, below the cache `beside`; it is remembered as such."""
    name = digest_bytes(url.encode("utf-8", "surrogateescape"))[:16]
    layer = Path(os.path.realpath(beside / FOLDER / name))
    _layers[layer] = url
    return layer


def layers() -> Mapping[Path, str]:
    """The local layers that this process has been asked for, each with its URL."""
    return _layers


def url_of(root: Path) -> str | None:
    """The URL whose local layer this folder is; None for an ordinary cache."""
    return _layers.get(root)

"""Content-addressed stores below one root: edits, pictures, texts, measured numbers, and what a method keeps."""

import os
from dataclasses import dataclass
from pathlib import Path

from iceb.base.readers import user_path

ENVIRONMENT = "ICEB_CACHE"
DEFAULT = "~/.cache/iceb"
KINDS = ("edits", "images", "measured", "scratch", "texts")


def cache_root(named: str | Path | None = None) -> Path:
    """The cache's folder: the one named, else ICEB_CACHE, else ~/.cache/iceb."""
    return user_path(named or os.environ.get(ENVIRONMENT) or DEFAULT)


@dataclass(frozen=True)
class Usage:
    """What one store holds."""

    kind: str
    files: int
    bytes: int


def usage(root: Path) -> list[Usage]:
    """Files and bytes of each store below `root`."""
    return [_usage(root / kind, kind) for kind in KINDS]


def _usage(folder: Path, kind: str) -> Usage:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return Usage(kind, len(sizes), sum(sizes))

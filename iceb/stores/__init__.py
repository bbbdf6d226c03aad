"""Content-addressed stores below one root: edits, pictures, texts, measured numbers, and what a method keeps."""

from dataclasses import dataclass
from pathlib import Path

KINDS = ("edits", "images", "measured", "scratch", "texts")


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

"""Content-addressed stores below one root: edits, images, texts, measured rows, scratch."""

from dataclasses import dataclass
from pathlib import Path

from iceb.stores.own_files import LEVELS, stored_files


@dataclass(frozen=True)
class Usage:
    """The number of files and bytes of one store."""

    kind: str
    files: int
    bytes: int


def usage(root: Path) -> list[Usage]:
    """Files and bytes of each store below `root`; links are not followed."""
    found = {kind: stored_files(root, [kind]) for kind in LEVELS}
    return [Usage(kind, len(files), sum(file.bytes for file in files)) for kind, files in found.items()]

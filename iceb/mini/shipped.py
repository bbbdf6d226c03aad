"""Folders of weights that ship with mini, and the digests that pin them."""

from importlib.resources import as_file, files
from pathlib import Path

from iceb.base.digest import digest_all, digest_file
from iceb.base.errors import ModelError

JUDGE, CLIP = "vit", "clip"


def shipped_folder(name: str) -> Path:
    """Locate the folder `name` of mini's weights.

    Raises:
        ModelError: it is not there.
    """
    with as_file(files("iceb").joinpath("mini", "weights", name)) as folder:
        if not folder.is_dir():
            raise ModelError(f"{folder} is missing: the installation is incomplete; reinstall iceb")
        return folder


def folder_digest(folder: Path) -> str:
    """Digest the files of a folder, in the order of their names."""
    return digest_all(digest_file(path) for path in sorted(folder.iterdir()) if path.is_file())

"""Weights of measures that are single files: found on this machine or fetched once, checked by sha256.

Nothing is loaded from a file whose digest is another than the pinned one, whatever its name: a TorchScript file is a
program, and a judge with other weights is another judge.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from iceb.base.cache import cache_root
from iceb.base.digest import digest_file
from iceb.base.download import download
from iceb.base.errors import DataError, ModelError
from iceb.base.hub import OFFLINE, YES
from iceb.base.readers import explain_reading, is_file, user_path

FOLDER = "ICEB_WEIGHTS"  # a folder that holds weight files by their names
TORCH = "TORCH_HOME"  # torchvision keeps its files below it
TORCHVISION = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class WeightFile:
    """A file of weights with its name, digest and address."""

    name: str
    sha256: str
    url: str

    def places(self) -> tuple[Path, ...]:
        """The paths where it is looked for, in this order."""
        named = os.environ.get(FOLDER)
        torch_home = user_path(os.environ.get(TORCH) or "~/.cache/torch")
        folders = [*([user_path(named)] if named else []), torch_home / "hub" / "checkpoints", own_folder()]
        return tuple(folder / self.name for folder in folders)

    def is_here(self) -> bool:
        """Whether a file of this name lies in one of its places."""
        return any(map(is_file, self.places()))

    def path(self) -> Path:
        """The file with its digest checked, fetched if it is not here.

        Raises:
            ModelError: it is not here and cannot be fetched, or its digest is another.
        """
        for place in self.places():
            if is_file(place):
                return check_digest(place, self.sha256)
        return self._fetch()

    def _fetch(self) -> Path:
        if named := [name for name in OFFLINE if os.environ.get(name, "").lower() in YES]:
            raise ModelError(self._remedy(f"nothing is fetched while {named[0]} is set"))
        target = own_folder() / self.name
        try:
            download(self.url, target, self.sha256, "iceb", self._ways())
        except DataError as error:
            raise ModelError(f"the weights {self.name} are not on this machine, and {error}") from error
        return target

    def _remedy(self, what: str) -> str:
        return f"the weights {self.name} are not on this machine and {what}: {self._ways()}"

    def _ways(self) -> str:
        return f"connect to the internet once, or put the file of {self.url} into a folder that {FOLDER} names"


def own_folder() -> Path:
    """The folder of the cache into which weights are fetched."""
    return cache_root() / "weights"


def check_digest(path: Path, sha256: str) -> Path:
    """Return a file of weights whose digest is the pinned one.

    Raises:
        ModelError: it cannot be read, or its digest is another.
    """
    try:
        with explain_reading(f"weights {path}", DataError, "must be the whole file"):
            found = digest_file(path)
    except DataError as error:
        raise ModelError(str(error)) from error
    if found != sha256:
        raise ModelError(
            f"weights {path} have sha256 {found}, expected {sha256}: remove the file, or put the right one there"
        )
    return path

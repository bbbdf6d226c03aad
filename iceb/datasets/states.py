"""The state of a dataset's files: where they are, how large, and whether they match the card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.base.readers import explain_reading, is_file
from iceb.datasets.cards import declaration, load_card
from iceb.datasets.locate import CACHE, ENVIRONMENT, PACKAGE, Place, place_of, remedy_of_changed, remedy_of_missing
from iceb.specs.datasets import DataCard

State: TypeAlias = Literal["here", "absent", "changed"]


@dataclass(frozen=True)
class FileState:
    """One file of a card as it lies on the disk."""

    key: str
    path: Path
    state: State  # "here": as declared, where its content was looked at
    size: int | None = None  # bytes; None where it is absent
    sha256: str = ""  # of a changed file, and of one whose card states none


@dataclass(frozen=True)
class DatasetState:
    """A dataset's card, the folder of its files, and each of them."""

    card: DataCard
    place: Place
    files: tuple[FileState, ...]

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where one is absent."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def where(self) -> str:
        """The place of the files in a few words."""
        if self.size is None:
            return "not here"
        package = f"ships with {'iceb' if self.card.source.repository == 'iceb' else 'its package'}"
        return {PACKAGE: package, CACHE: "cache", ENVIRONMENT: ENVIRONMENT}.get(self.place.origin, "folder named")

    def sentences(self) -> list[str]:
        """Say of each file what it is, and what to do where it is not the declared one."""
        return [self._sentence(file) for file in self.files]

    def _sentence(self, file: FileState) -> str:
        if file.state == "absent":
            return f"{file.key} is not here ({file.path}): {remedy_of_missing(self.card)}"
        if file.state == "changed":
            remedy = remedy_of_changed(self.card)
            return f"{file.key} is not the declared file ({file.path}, sha256 {file.sha256}): {remedy}"
        unstated = f", sha256 {file.sha256}, which its card does not state" if file.sha256 else ""
        return f"{file.key} is here ({file.path}{unstated})"


def dataset_state(
    name: str, data: str | None = None, cache: Path | None = None, *, look_inside: bool = True
) -> DatasetState:
    """Look at the files of a dataset; nothing is fetched.

    Args:
        name: a registered dataset.
        data: a folder, or "upstream" or "embedded", as of `open_dataset`.
        cache: the cache's root; None for the default.
        look_inside: whether each file's sha256 is compared, which reads it whole.

    Raises:
        SpecError: there is no dataset of this name.
        DataError: its card cannot be read, a named folder lacks a file, or a file cannot be read.
    """
    card = load_card(name)
    place = place_of(card, data, cache, declaration(name).package)
    files = tuple(
        _file_state(key, place.folder / file.path, file.sha256, look_inside) for key, file in card.files.items()
    )
    return DatasetState(card, place, files)


def _file_state(key: str, path: Path, sha256: str | None, look_inside: bool) -> FileState:
    if not is_file(path):
        return FileState(key, path, "absent")
    with explain_reading(str(path), DataError, "make it readable, or remove it and fetch it again"):
        size = path.stat().st_size
        found = digest_file(path) if look_inside else sha256 or ""
    if sha256 is None:
        return FileState(key, path, "here", size, found)
    return FileState(key, path, "here", size) if found == sha256 else FileState(key, path, "changed", size, found)

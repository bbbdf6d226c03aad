"""Dataset cards, and the interface of a loaded dataset."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from iceb.specs.checks import check_part
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.schedules import Schedule

SHA256 = re.compile(r"[0-9a-f]{64}")


class DataFile(BaseModel):
    """One file of a dataset, as its card declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str  # relative to the dataset's folder
    sha256: str | None  # of the file's bytes, 64 lower-case hex digits; None: nobody has stated it, any file is taken
    rows: int | None = Field(default=None, ge=0)  # None: the file is not a list of rows

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str) -> str:
        for part in value.split("/"):
            check_part(part, "path of a data file: each part of it")
        return value

    @field_validator("sha256")
    @classmethod
    def _whole_digest(cls, value: str | None) -> str | None:
        if value is not None and not SHA256.fullmatch(value):
            raise ValueError(f"sha256 {value!r} must be 64 lower-case hex digits")
        return value


class DataSource(BaseModel):
    """The origin of a dataset's files; a commit pins them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str  # owner/name; "iceb" for files that ship with iceb, "package" with the package that registers it
    commit: str
    folder: str = ""


class DataCard(BaseModel):
    """A dataset's only declaration: the front matter of data_cards/<name>.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = Field(ge=1)
    title: str = ""
    paper: str
    licence: str
    terms: str = ""  # what a user must agree to, shown before a download; "" where the licence allows any use
    source: DataSource
    files: dict[str, DataFile]
    counts: dict[str, int] = Field(default_factory=dict)
    nested: bool = True  # the first n requests are a prefix of the first m > n
    without_tags: tuple[str, ...] = ()  # tags that its prompts lack: a metric that reads them has no value on it
    deviations: tuple[str, ...] = ()  # where we differ from the authors' use of the data, and why

    @property
    def undeclared_files(self) -> tuple[str, ...]:
        """The paths of the files whose sha256 is not stated."""
        return tuple(file.path for file in self.files.values() if file.sha256 is None)

    def with_digests(self, found: Mapping[str, str]) -> "DataCard":
        """The card with the sha256 of its files as they were found, by key, for results."""
        files = {key: file.model_copy(update={"sha256": found[key]}) for key, file in self.files.items()}
        return self.model_copy(update={"files": files})

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        check_part(value, "dataset")
        return value


@dataclass(frozen=True)
class ReferenceImages:
    """Images that no model of the run draws, for example photographs: one side of a metric, by name."""

    name: str
    paths: tuple[Path, ...]


class ConceptDataset(Protocol):
    """Requests to edit, and the prompts that test them.

    It may also have `references() -> Sequence[ReferenceImages]`, images from elsewhere that metrics compare with,
    `scored_names() -> Collection[str]`, the concepts that no method may be told to retain,
    `only(requests) -> ConceptDataset`, itself with some of its requests alone, by which a run draws disjoint sets,
    `prompts_around(requests) -> Sequence[Prompt]`, its shared prompts as they are for other requests than its own, by
    which it joins another task's run, `for_mini: bool`, whether its images are judged on mini alone or on other models
    alone, and
    `prepare(edited, checkpoint, prompts, scratch) -> Sequence[Prompt]`, which turns a checkpoint's prompts into those
    that are drawn, once the edited model (a `Bundle`) is there: for example by searching for a prompt that brings the
    concept back. Prepared prompts are drawn on both sides.
    """

    card: DataCard

    def schedule(self, num_edits: int) -> Schedule:
        """The schedule of what is edited and judged at `num_edits`."""
        ...

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        """Everything that may be drawn to judge the edit of `batch`, all roles, without the shared prompts."""
        ...

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        """Prompts that every checkpoint draws, whatever its batches: once for each state of the model."""
        ...


@dataclass(frozen=True)
class DatasetDeclaration:
    """A dataset as registered (entry point group `iceb.datasets`): its card and its loader.

    Attributes:
        package: the importable package or module beside whose file the card lies.
        card: the card's file name there, for example "aice.md".
        load: from the card and the checked path of each of its files to requests and prompts; None where the dataset
            holds nothing to edit, for example captions.
    """

    package: str
    card: str
    load: Callable[[DataCard, Mapping[str, Path]], ConceptDataset] | None

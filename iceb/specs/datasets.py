"""Datasets: the card that declares one, and what a loaded one offers."""

import re
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest

SHA256 = re.compile(r"[0-9a-f]{64}")


class DataFile(BaseModel):
    """One file of a dataset, as its card declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str  # relative to the dataset's folder
    sha256: str  # of the file's bytes, 64 lower-case hex digits
    rows: int | None = Field(default=None, ge=0)  # None: the file is not a list of rows

    @field_validator("sha256")
    @classmethod
    def _whole_digest(cls, value: str) -> str:
        if not SHA256.fullmatch(value):
            raise ValueError(f"sha256 {value!r} must be 64 lower-case hex digits")
        return value


class DataSource(BaseModel):
    """Where a dataset's files come from; a commit pins them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str  # owner/name, or "iceb" for files that ship with the package
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
    source: DataSource
    files: dict[str, DataFile]
    counts: dict[str, int] = Field(default_factory=dict)
    nested: bool = True  # the first n requests are a prefix of the first m > n
    deviations: tuple[str, ...] = ()  # where we differ from the authors' use of the data, and why


class ConceptDataset(Protocol):
    """Requests to edit, and the prompts that test them."""

    card: DataCard

    def batches(self, num_edits: int) -> list[tuple[EditRequest, ...]]:
        """The requests edited together: [the first n], or many singles where a benchmark edits one at a time."""
        ...

    def prompts(self, requests: Sequence[EditRequest]) -> list[Prompt]:
        """Everything that may be drawn to judge an edit of `requests`, all roles."""
        ...

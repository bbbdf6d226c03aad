"""The manifest of a saved edit: how to apply it and how to make it again."""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from iceb.base.errors import DataError
from iceb.base.readers import parse_json
from iceb.specs.records import MethodRecord, Record
from iceb.specs.requests import EditRequest
from iceb.specs.results import first_problem
from iceb.specs.run_records import Provenance

Form = Literal["full", "matrix"]
MANIFEST, DELTA = "manifest.json", "delta.safetensors"


class BaseRecord(Record):
    """The model that was edited."""

    family: str
    repo: str
    revision: str
    dtype: Literal["float32", "float16", "bfloat16"]
    digest: str  # what names the weights as loaded, as in a result
    weights: str  # sha256 over every parameter's name, format and bytes: the same wherever they were loaded from


class DeltaRecord(Record):
    """The file of changed weights."""

    sha256: str
    bytes: int
    parameters: tuple[str, ...]  # all that the edit changes
    by_matrix: Mapping[str, str] = Field(default_factory=dict)  # of these: name → pattern of the M that makes it


class EditedRecord(Record):
    """The model under the edit."""

    digest: str  # as in a result
    weights: str  # as `BaseRecord.weights`


class Manifest(Record):
    """A saved edit: which method made it, from what, for which requests, and what it changes."""

    schema_number: Literal[1] = Field(default=1, alias="schema")
    method: MethodRecord
    task: str | None  # None: somebody's own requests
    requests: tuple[EditRequest, ...]
    base: BaseRecord
    edited: EditedRecord
    delta: DeltaRecord | None  # None: no weight changes
    rewrites: Mapping[str, str] = Field(default_factory=dict)  # phrase → phrase, of prompt-time methods
    negative_prompt: str = ""
    log: Mapping[str, float] = Field(default_factory=dict)  # the method's own diagnostics
    edit_seconds: float  # as first made
    provenance: Provenance

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    def to_json(self) -> str:
        """The file's text, with a fixed order of keys."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = MANIFEST) -> "Manifest":
        """Read a manifest.

        Raises:
            DataError: not JSON, or a field that is missing, unknown or out of range.
        """
        parse_json(text, name, DataError, "expected the manifest of a saved edit")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise DataError(f"{name}: not the manifest of a saved edit: {first_problem(error)}") from error

"""The result, schema 1: one file says what was run, what came out, what it cost and where it came from.

Numbers or null, never NaN; units in the names; identity apart from provenance, so that two machines' results compare.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from iceb.base.errors import ResultError
from iceb.specs.metrics import Metric, Score
from iceb.specs.runs import RunSpec, Sampling, Scalar

SCHEMA: Literal[1] = 1
Status = Literal["complete", "partial", "failed"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TaskRecord(_Record):
    """The task and the exact data it was run on."""

    name: str
    version: int
    dataset: str  # the data card's name
    card_sha256: str
    data_sha256: Mapping[str, str]
    requests_sha256: str  # of the ordered requests


class MethodRecord(_Record):
    """The algorithm and its settings."""

    name: str
    version: int
    package: str
    package_version: str
    paper: str
    recipe: str  # "emcid/aice", a file's name, or "" for the method's own defaults
    params: Mapping[str, Scalar]


class ModelRecord(_Record):
    """The weights before and after."""

    family: str
    repo: str
    revision: str
    dtype: str
    digest: str
    edited_digest: tuple[str, ...]  # one per batch of requests


class ScoreRecord(_Record):
    """One metric's outcome."""

    metric: str
    version: int
    measure: str  # id with version
    unit: str
    higher_is_better: bool
    value: float | None
    stderr: float | None
    n: int = Field(ge=0)
    concepts: int = Field(ge=0)
    before: float | None = None
    after: float | None = None
    note: str = ""

    @classmethod
    def of(cls, metric: Metric, measure_id: str, score: Score) -> "ScoreRecord":
        """The record of `score`, which `metric` made from numbers of the measure `measure_id`."""
        return cls(
            metric=metric.name,
            version=metric.version,
            measure=measure_id,
            unit=metric.unit,
            higher_is_better=metric.higher_is_better,
            value=score.value,
            stderr=score.stderr,
            n=score.n,
            concepts=score.concepts,
            before=score.before,
            after=score.after,
            note=score.note,
        )


class Cost(_Record):
    """What the run took. Stages that were wholly cached cost what reading them cost; the counts tell."""

    edit_seconds: float | None = None  # as first made; kept when the edit comes from the store
    draw_seconds: float | None = None
    measure_seconds: float | None = None
    total_seconds: float | None = None
    edit_bytes: int | None = None  # of the changed tensors
    peak_bytes: int | None = None  # of the process's memory
    peak_gpu_bytes: int | None = None
    images_drawn: int | None = None
    images_reused: int | None = None


class Provenance(_Record):
    """Where the numbers came from."""

    command: str
    commit: str | None  # None: the package does not lie in a git checkout
    dirty: bool | None  # None: likewise
    python: str
    packages: Mapping[str, str]
    device: str
    threads: int | None = None
    started: str  # UTC, ISO 8601
    finished: str


class Result(_Record):
    """A run's outcome, as written to result.json."""

    schema_number: Literal[1] = Field(default=SCHEMA, alias="schema")
    id: str
    status: Status
    error: str | None = None  # only when failed
    task: TaskRecord
    method: MethodRecord
    num_edits: int = Field(ge=1)
    limit: int | None = None
    model: ModelRecord
    sampling: Sampling
    scores: tuple[ScoreRecord, ...]
    log: Mapping[str, float] = Field(default_factory=dict)  # the method's own diagnostics
    cost: Cost
    provenance: Provenance

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    @model_validator(mode="after")
    def _status_agrees(self) -> "Result":
        if (self.status == "failed") != (self.error is not None):
            raise ValueError(
                f"status {self.status!r} with error {self.error!r}: failed results, and only they, have one"
            )
        if self.status == "complete" and self.limit is not None:
            raise ValueError(f"status complete with limit {self.limit}: a limited run is partial")
        names = [score.metric for score in self.scores]
        if len(set(names)) != len(names):
            raise ValueError(f"metrics {names}: each may stand once")
        return self

    @classmethod
    def of(
        cls,
        spec: RunSpec,
        *,
        task: TaskRecord,
        method: MethodRecord,
        model: ModelRecord,
        scores: tuple[ScoreRecord, ...],
        cost: Cost,
        provenance: Provenance,
        log: Mapping[str, float] | None = None,
        error: str | None = None,
    ) -> "Result":
        """The result of running `spec`; the status follows from `error` and the spec's limit."""
        status: Status = "failed" if error is not None else "partial" if spec.limit is not None else "complete"
        return cls(
            id=spec.id,
            status=status,
            error=error,
            task=task,
            method=method,
            num_edits=spec.num_edits,
            limit=spec.limit,
            model=model,
            sampling=spec.sampling,
            scores=scores,
            log=log or {},
            cost=cost,
            provenance=provenance,
        )

    def score(self, metric: str) -> ScoreRecord | None:
        """The outcome of one metric; None if the run did not include it."""
        return next((score for score in self.scores if score.metric == metric), None)

    def to_json(self) -> str:
        """The file's text: fixed key order, two blanks of indent, a final newline; equal results, equal bytes."""
        document = self.model_dump(mode="json", by_alias=True)
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "result") -> "Result":
        """Read a result of any known schema.

        Raises:
            ResultError: not JSON, an unknown schema number, or a field that is missing, unknown or out of range.
        """
        document = _parsed(text, name)
        schema = document.get("schema")
        if schema != SCHEMA:
            raise ResultError(f"{name}: schema {schema!r} is unknown: this version of iceb reads schema {SCHEMA}")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ResultError(f"{name}: {first_problem(error)}") from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ResultError(f"{name}: not JSON ({error}): expected a result.json as iceb evaluate writes it") from error
    if not isinstance(document, dict):
        raise ResultError(f"{name}: holds a {type(document).__name__}: expected one JSON object")
    return document


def first_problem(error: ValidationError) -> str:
    """A pydantic report as one line: the first field that is wrong, and how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    place = "".join(f"{part}." for part in first["loc"])[:-1]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place}{': ' if place else ''}{first['msg'].removeprefix('Value error, ')}{more}"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of result.json, from the classes above."""
    schema = Result.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ICEB result, schema 1", **schema}

"""The result, schema 2: what was run, its scores, its cost and its provenance, in one file.

Numbers or null, never NaN; units in the names; identity apart from provenance, so that two machines' results compare.
Beside it lies the table of per-concept statistics, from which every score can be computed again.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.readers import parse_json
from iceb.specs.checks import check_run_id
from iceb.specs.degenerate import DegenerateRecord
from iceb.specs.effects import EffectsRecord
from iceb.specs.execution import device_kind
from iceb.specs.outside import OutsideRecord
from iceb.specs.records import (
    CheckpointRecord,
    MethodRecord,
    ModelRecord,
    Record,
    ReductionRecord,
    ScoreRecord,
    TableRecord,
    TaskRecord,
)
from iceb.specs.reduction import VERSION as REDUCTION_VERSION
from iceb.specs.repeats import MOST_REPEATS, Repeats
from iceb.specs.run_records import Cost, PluginRecord, Provenance
from iceb.specs.runs import MOST_COUNTED, ModelRef, RunSpec, Sampling

SCHEMA: Literal[2] = 2
OF_SPEC = ("num_edits", "draws", "replicates", "sampling", "limit", "share")  # as the result's spec has them
Status = Literal["complete", "partial", "failed"]


def _shared_fields(holder: "RunSpec | Result") -> dict[str, Any]:
    return {name: getattr(holder, name) for name in OF_SPEC}


class Result(Record):
    """A run's outcome, as written to result.json."""

    schema_number: Literal[2] = Field(default=SCHEMA, alias="schema")
    id: str
    status: Status
    error: str | None = None  # only when failed
    task: TaskRecord
    method: MethodRecord
    num_edits: int = Field(ge=1, le=MOST_COUNTED)
    draws: int = Field(default=1, ge=1, le=MOST_REPEATS)
    replicates: int = Field(default=1, ge=1, le=MOST_REPEATS)
    limit: int | None = Field(default=None, ge=1, le=MOST_COUNTED)
    share: float | None = Field(default=None, gt=0, lt=1)  # the part of the prompts that was drawn at random; None: all
    model: ModelRecord
    sampling: Sampling
    scores: tuple[ScoreRecord, ...]  # of the last group of checkpoints
    checkpoints: tuple[CheckpointRecord, ...] = ()  # of the groups before it
    reduction_version: int = Field(default=1, ge=1)  # of the reduction that made the scores from the table
    per_concept: TableRecord | None = None  # None where nothing was scored
    images: TableRecord | None = None  # likewise; the file stays in the run's folder
    degenerate: DegenerateRecord | None = None  # images that show nothing; None: not recorded
    effects: EffectsRecord | None = None  # edits that changed nothing; None: not recorded, or none that could be judged
    log: Mapping[str, float] = Field(default_factory=dict)  # the method's own diagnostics
    execution: Mapping[str, Any] = Field(default_factory=dict)  # settings that change speed and memory, but no number
    cost: Cost
    plugins: tuple[PluginRecord, ...] = ()  # of other packages than iceb; of no package twice
    outside: OutsideRecord | None = None  # own requests, or images or a model from elsewhere; None: a task's own run
    provenance: Provenance

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)

    @field_validator("id")
    @classmethod
    def _names_a_file(cls, value: str) -> str:
        check_run_id(value, "result")
        return value

    @model_validator(mode="after")
    def _status_agrees(self) -> "Result":
        if (self.status == "failed") != (self.error is not None):
            raise ValueError(
                f"status {self.status!r} with error {self.error!r}: failed results, and only they, have one"
            )
        if self.status == "complete" and self.limit is not None:
            raise ValueError(f"status complete with limit {self.limit}: a limited run is partial")
        if self.status == "complete" and self.share is not None:
            raise ValueError(f"status complete with share {self.share}: a run of a part is partial")
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
        cost: Cost,
        provenance: Provenance,
        scores: tuple[ScoreRecord, ...] = (),
        checkpoints: tuple[CheckpointRecord, ...] = (),
        per_concept: TableRecord | None = None,
        images: TableRecord | None = None,
        degenerate: DegenerateRecord | None = None,
        log: Mapping[str, float] | None = None,
        execution: Mapping[str, Any] | None = None,
        plugins: tuple[PluginRecord, ...] = (),
        error: str | None = None,
    ) -> "Result":
        """The result of running `spec`; the status follows from `error`, and from the spec's limit and share."""
        status: Status = "failed" if error is not None else "partial" if spec.is_partial else "complete"
        return cls(
            id=spec.id,
            status=status,
            error=error,
            task=task,
            method=method,
            model=model,
            scores=scores,
            checkpoints=checkpoints,
            reduction_version=REDUCTION_VERSION,
            per_concept=per_concept,
            images=images,
            degenerate=degenerate,
            log=log or {},
            execution=execution or {},
            cost=cost,
            plugins=plugins,
            provenance=provenance,
            **_shared_fields(spec),
        )

    @property
    def spec(self) -> RunSpec:
        """The run's identity, rebuilt from the recorded fields; its id is that of the run that made them.

        Raises:
            ValidationError: a field is none that a run can have.
        """
        return RunSpec(
            task=self.task.name,
            task_version=self.task.version,
            dataset=self.task.dataset,
            dataset_version=self.task.dataset_version,
            requests_sha256=self.task.requests_sha256,
            prompts_sha256=self.task.prompts_sha256,
            method=self.method.name,
            method_version=self.method.version,
            package=self.method.package,
            code=self.method.code,
            params=self.method.params,
            judges=self.method.judges,
            precision=self.method.precision,
            model=ModelRef(self.model.family, self.model.repo, self.model.revision, self.model.dtype),
            **_shared_fields(self),
        )

    @property
    def repeats(self) -> Repeats:
        """The repetitions of the edit within the run."""
        return Repeats(self.draws, self.replicates)

    @property
    def device_kind(self) -> str:
        """The kind of device that computed, "cpu" or "cuda"; "" where the file does not say."""
        return device_kind(str(self.execution.get("device", "")))

    @property
    def groups(self) -> tuple[tuple[ScoreRecord, ...], ...]:
        """The scores of every group of checkpoints, the headline's last."""
        return (*(checkpoint.scores for checkpoint in self.checkpoints), self.scores)

    def score(self, metric: str) -> ScoreRecord | None:
        """The outcome of one metric; None if the run did not include it."""
        return next((score for score in self.scores if score.metric == metric), None)

    def to_json(self) -> str:
        """The file's text: fixed key order, two blanks of indent, a final newline; equal results, equal bytes."""
        document = self.model_dump(mode="json", by_alias=True)
        for group in (document, *document["checkpoints"]):
            for score in group["scores"]:
                ReductionRecord.leave_out_defaults(score["reduction"])
                if score["interval"] is None:  # as older versions wrote it
                    del score["interval"]
        for name in ("outside", "share"):  # most results have none, and are written as before there was the field
            if document[name] is None:
                del document[name]
        if self.reduction_version == 1:  # likewise
            del document["reduction_version"]
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "result") -> "Result":
        """Read a result; fields that a newer version added to the schema are passed over.

        Raises:
            ResultError: not JSON, an unknown schema number, or a field that is missing or out of range.
        """
        document = _parse_object(text, name)
        schema = document.get("schema")
        if schema != SCHEMA:
            raise ResultError(f"{name}: {_schema_problem(schema)}")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problem = f"{first_problem(error)}: no result as this version of iceb writes it; run it again"
            raise ResultError(f"{name}: {problem}") from error


def _parse_object(text: str, name: str) -> dict[str, Any]:
    document = parse_json(text, name, ResultError, "expected a result.json as a run writes it")
    if not isinstance(document, dict):
        raise ResultError(f"{name}: holds a {type(document).__name__}: expected one JSON object")
    return document


def _schema_problem(schema: object) -> str:
    """Explain why a schema number cannot be read, and what to do."""
    if isinstance(schema, int) and schema > SCHEMA:
        return f"schema {quote(schema, 40)} is newer: this version of iceb reads schema {SCHEMA}; install a newer one"
    return f"schema {quote(schema, 40)} is unknown: this version of iceb reads schema {SCHEMA}; run it again"


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
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ICEB result, schema 2", **schema}

"""Every Eval Ever's aggregate record, version 0.3.0, as its repository describes it.

https://github.com/evaleval/every_eval_ever: the fields of every_eval_ever/eval_types.py at commit
09496fc02c6aa64ed696a95109be08bbd2164020, the rules of every_eval_ever/validator/validation_core.py at commit
076ff860fd8e2d1a60e600e7c81ccb603e9a3bd2. The classes are ours, written from these descriptions; they hold the
fields that an export of results needs, and refuse every other. Where the package is installed, a test has it read what
is written here.
"""

import math
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from iceb.base.errors import SpecError
from iceb.export.asking import Relationship
from iceb.specs.results import first_problem

VERSION: Literal["0.3.0"] = "0.3.0"
FILE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json")
PORTABLE = re.compile(r'[^<>:"\\|?*\x00-\x1f/]*[^<>:"\\|?*\x00-\x1f/. ]')
Details = dict[str, str]  # every value is text
Bound = float | Literal["Infinity", "-Infinity"]  # so that the file stays JSON


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Source(_Form):
    """Who provides the record."""

    source_name: str
    source_type: Literal["documentation", "evaluation_run"]
    source_organization_name: str
    evaluator_relationship: Relationship


class Library(_Form):
    """The program that ran the evaluation."""

    name: str
    version: str
    additional_details: Details


class Engine(_Form):
    """The program that drew the images."""

    name: str
    version: str


class Deployment(_Form):
    """Details of a model; the first two fields are asked for by the rules."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    deployment_type: Literal["self_deployed", "externally_managed", "unknown"]
    model_availability: Literal["open_weights", "closed_weights", "unknown"]

    @model_validator(mode="after")
    def _is_text(self) -> "Deployment":
        if wrong := [name for name, value in (self.model_extra or {}).items() if not isinstance(value, str)]:
            raise ValueError(f"{wrong[0]}: must be text")
        return self


class Model(_Form):
    """The model that was evaluated."""

    name: str
    id: str = Field(pattern=r"^[^/\s]+/[^/\s]+$")
    developer: str
    inference_engine: Engine
    additional_details: Deployment


class UrlData(_Form):
    """A dataset with an address."""

    dataset_name: str
    source_type: Literal["url"]
    url: list[str] = Field(min_length=1)
    additional_details: Details


class OtherData(_Form):
    """A dataset without one."""

    dataset_name: str
    source_type: Literal["other"]
    additional_details: Details


class MetricForm(_Form):
    """A metric; a continuous one has two bounds."""

    evaluation_description: str
    metric_id: str
    metric_name: str
    metric_unit: str
    lower_is_better: bool
    score_type: Literal["continuous"]
    min_score: Bound
    max_score: Bound
    additional_details: Details


class StandardError(_Form):
    """A standard error, with how it was computed."""

    value: float = Field(ge=0)
    method: str


class Interval(_Form):
    """A confidence interval."""

    lower: float
    upper: float
    confidence_level: float = Field(ge=0, le=1)
    method: str


class Uncertainty(_Form):
    """The uncertainty of a score."""

    standard_error: StandardError | None = None
    confidence_interval: Interval | None = None
    num_samples: int = Field(ge=0)


class ScoreForm(_Form):
    """A score: never without a value."""

    score: float
    uncertainty: Uncertainty | None = None
    details: Details


class Arguments(_Form):
    """The command that made the images."""

    execution_command: str


class Generation(_Form):
    """The command that made the images, with details."""

    generation_args: Arguments
    additional_details: Details


class EvaluationForm(_Form):
    """One metric's result."""

    evaluation_result_id: str
    evaluation_name: str
    source_data: Annotated[UrlData | OtherData, Field(discriminator="source_type")]
    evaluation_timestamp: str
    metric_config: MetricForm
    score_details: ScoreForm
    generation_config: Generation

    @model_validator(mode="after")
    def _lies_in_its_bounds(self) -> "EvaluationForm":
        metric, score = self.metric_config, self.score_details.score
        low, high = _number(metric.min_score), _number(metric.max_score)
        if not low <= score <= high:
            raise ValueError(f"score {score} is outside [{low}, {high}]")
        return self


class RecordForm(_Form):
    """One run's record."""

    schema_version: Literal["0.3.0"]
    evaluation_id: str
    evaluation_timestamp: str
    retrieved_timestamp: str = Field(pattern=r"^\d+(\.\d+)?$")
    source_metadata: Source
    eval_library: Library
    model_info: Model
    evaluation_results: list[EvaluationForm] = Field(min_length=1)


def bound_text(bound: float) -> Bound:
    """A bound as the record has it.

    >>> bound_text(1.0), bound_text(float("-inf"))
    (1.0, '-Infinity')
    """
    if math.isfinite(bound):
        return bound
    return "Infinity" if bound > 0 else "-Infinity"


def _number(bound: Bound) -> float:
    return float(bound)


def check_record(document: Any, path: str) -> RecordForm:
    """Check a record and the place of its file, data/collection/developer/model/uuid.json.

    Raises:
        SpecError: a field is missing, unknown or wrong, or the place is none.
    """
    try:
        record = RecordForm.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{path}: {first_problem(error)}") from error
    top, *names, file = PurePosixPath(path).parts
    if top != "data" or len(names) != 3 or not FILE.fullmatch(file):
        raise SpecError(f"{path}: must be data/collection/developer/model/uuid.json")
    if wrong := [name for name in names if not PORTABLE.fullmatch(name) or name == "data"]:
        raise SpecError(f"{path}: folder {wrong[0]!r:.80} has a name that not every system takes: rename it")
    if f"{names[1]}/{names[2]}" != record.model_info.id:
        raise SpecError(
            f"{path}: is in the folder of model {names[1]}/{names[2]}, but its model_info.id is "
            f"{record.model_info.id}: both must be the same"
        )
    return record

"""The Hugging Face Hub's forms of evaluation results, as its documentation describes them.

`.eval_results/*.yaml` of a model: https://github.com/huggingface/hub-docs, eval_results.yaml at commit
2be4979eec528db07ad8cec06514a176fff50066; `eval.yaml` of a benchmark's dataset: docs/hub/eval-results.md at commit
064c75486afa079642c3a60c3f077835eed03a06. The Hub publishes no schema file; these classes are ours,
written from that description, and refuse every field that it does not name.
"""

import re
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from iceb.base.errors import SpecError
from iceb.specs.results import first_problem

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


F = TypeVar("F", bound=_Form)


class HubDataset(_Form):
    """The benchmark that a value belongs to."""

    id: str
    task_id: str = Field(min_length=1)
    revision: str | None = None

    @field_validator("id")
    @classmethod
    def _names_a_repository(cls, value: str) -> str:
        if not REPO_ID.fullmatch(value):
            raise ValueError(f"id {value!r:.80}: must be owner/name of a dataset on the Hub")
        return value


class HubSource(_Form):
    """The source of a value."""

    url: str = Field(pattern=r"^https?://\S+$")
    name: str | None = None
    user: str | None = None
    org: str | None = None


class HubEntry(_Form):
    """One value of a model."""

    dataset: HubDataset
    value: float | int
    verifyToken: str | None = None  # noqa: N815 (the Hub's name)
    date: str | None = None
    source: HubSource | None = None
    evaluation_framework: str | None = None
    notes: str | None = None

    @field_validator("date")
    @classmethod
    def _is_a_date(cls, value: str | None) -> str | None:
        if value is not None:
            datetime.fromisoformat(value)
        return value


class HubTask(_Form):
    """One leaderboard of a benchmark: the part of the dataset that it is computed on."""

    id: str = Field(pattern=r"^\S+$")
    config: str = Field(min_length=1)
    split: str = Field(min_length=1)


class HubBenchmark(_Form):
    """The `eval.yaml` of a benchmark's dataset."""

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    evaluation_framework: str = Field(min_length=1)
    tasks: list[HubTask] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_task_once(self) -> "HubBenchmark":
        names = [task.id for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("tasks: each id may stand once")
        return self


def check_entries(document: Any, benchmark: HubBenchmark) -> list[HubEntry]:
    """Check the values of one model against the forms and against the benchmark's tasks.

    Raises:
        SpecError: a field is missing, unknown or wrong, or a task is none of the benchmark's.
    """
    if not isinstance(document, list):
        raise SpecError(f"evaluation results are a {type(document).__name__}: must be a list")
    known = {task.id for task in benchmark.tasks}
    found = [_read_form(HubEntry, each, f"entry {place}") for place, each in enumerate(document)]
    for entry in found:
        if entry.dataset.task_id not in known:
            raise SpecError(f"task_id {entry.dataset.task_id!r:.80} is no task of the benchmark's eval.yaml")
    return found


def check_benchmark(document: Any) -> HubBenchmark:
    """Check a benchmark's `eval.yaml`.

    Raises:
        SpecError: a field is missing, unknown or wrong.
    """
    return _read_form(HubBenchmark, document, "eval.yaml")


def _read_form(form: type[F], document: Any, where: str) -> F:
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{where}: {first_problem(error)}") from error

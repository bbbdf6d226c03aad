"""The parts of a result: what was run, what came out, what it cost and where it came from."""

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from iceb.specs.metrics import Metric, Score
from iceb.specs.runs import Scalar


class Record(BaseModel):
    """A part of a result: frozen, strict, and without numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TaskRecord(Record):
    """The task and the exact data it was run on."""

    name: str
    version: int
    dataset: str  # the data card's name
    card_sha256: str
    data_sha256: Mapping[str, str]
    requests_sha256: str  # of the ordered requests


class MethodRecord(Record):
    """The algorithm and its settings."""

    name: str
    version: int
    package: str
    package_version: str
    paper: str
    recipe: str  # "emcid/aice", a file's name, or "" for the method's own defaults
    params: Mapping[str, Scalar]
    changed: Mapping[str, Scalar] | None = None  # of params: what the shipped recipe has not; None: not recorded
    reaches_dest: bool | None = None  # False: an eraser, which has no scores about destinations; None: not recorded

    @property
    def label(self) -> str:
        """The name, with the settings that the shipped recipe has not: "emcid (residual=output)"."""
        return labelled(self.name, self.changed or {})


def labelled(name: str, changed: Mapping[str, object]) -> str:
    """A method's name with some of its settings, short enough for a table; a file goes by eight digits of its digest.

    >>> labelled("emcid", {"residual": "output", "layers": (9, 10), "captions": "sha256:" + 64 * "a"})
    'emcid (residual=output, layers=[9, 10], captions=sha256:aaaaaaaa)'
    """
    if not changed:
        return name
    return f"{name} ({', '.join(f'{setting}={_short(value)}' for setting, value in changed.items())})"


def _short(value: object) -> str:
    if isinstance(value, str):
        return value[:15] if value.startswith("sha256:") else value
    return json.dumps(value)


class ModelRecord(Record):
    """The weights before and after."""

    family: str
    repo: str
    revision: str
    dtype: str
    digest: str
    edited_digest: tuple[str, ...]  # one per batch of requests


class ScoreRecord(Record):
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


class Cost(Record):
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


class Provenance(Record):
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

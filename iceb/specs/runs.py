"""The identity of a run: any change here makes another run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.checks import check_int, check_registered

Atom: TypeAlias = bool | int | float | str | None
Scalar: TypeAlias = Atom | tuple[Atom, ...]  # types of a setting's value
Dtype = Literal["float32", "float16", "bfloat16"]
Precision = Literal["float32", "tf32", "bfloat16"]  # of a method's training passes
Scheduler = Literal["pndm", "ddim", "dpm++"]
Noise = Literal["per_image", "upstream"]
MOST_STEPS = 1000  # a noise schedule has no more timesteps
MOST_GUIDANCE = 1000.0
MOST_PIXELS = 4096  # of one side
MOST_COUNTED = 1_000_000  # edits, or prompts of a role


def check_share(value: float) -> None:
    """Refuse a part that is none of a whole.

    Raises:
        SpecError: it is not above 0 and below 1.
    """
    if not 0 < value < 1:
        raise SpecError(f"`share` {quote(value)}: must be above 0 and below 1")


def _one_of(what: str, value: object, kind: Any) -> None:
    if value not in get_args(kind):
        raise SpecError(f"{what} {quote(value)}: must be one of {', '.join(get_args(kind))}")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling settings of every image of a run; part of each image's key and of the table's identity."""

    scheduler: Scheduler = "pndm"
    steps: int = 50
    guidance: float = 7.5
    height: int = 512  # pixels
    width: int = 512  # pixels
    noise: Noise = "per_image"  # "upstream": holdout images of a class share one generator, as published

    def __post_init__(self) -> None:
        _one_of("`scheduler`", self.scheduler, Scheduler)
        _one_of("`noise`", self.noise, Noise)
        check_int(self.steps, "`steps`", 1, MOST_STEPS)
        if not 0 <= self.guidance <= MOST_GUIDANCE:
            raise SpecError(f"`guidance` {quote(self.guidance)}: must be a number from 0 to {MOST_GUIDANCE}")
        for name in ("height", "width"):
            check_int(getattr(self, name), f"sampling {name}", 8, MOST_PIXELS)
            if getattr(self, name) % 8:
                raise SpecError(f"sampling {name} {getattr(self, name)}: must be a multiple of 8 pixels")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model's weights: family, repository, pinned revision and number format."""

    family: str
    repo: str
    revision: str  # 40 hex digits for a hub repository; a content digest for a local folder
    dtype: Dtype = "float32"

    def __post_init__(self) -> None:
        _one_of("model dtype", self.dtype, Dtype)
        if not (self.family and self.repo and self.revision):
            raise SpecError(f"model {self}: family, repo and revision must all be given")


class MeasureRef(BaseModel):
    """A measure that a score was computed with, or that a method consulted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str  # the registered name with its version
    revision: str  # what pins its backbone


class RunSpec(BaseModel):
    """Everything that names a run; its digest is the run's id.

    Versions and the method's code stand in it where they change what is drawn. Metrics do not: a run has the same
    images whatever is computed from them. How fast and where it ran (`Execution`) changes no id either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_version: int
    dataset: str  # the data card that was used: one task may be run from several sources
    dataset_version: int
    requests_sha256: str  # of what is edited; see `iceb.specs.data_digests`
    prompts_sha256: str  # of what may be drawn
    method: str
    method_version: int
    package: str  # the distribution that registers the method
    code: str  # digest of the method's code
    params: Mapping[str, Scalar] = Field(default_factory=dict)
    judges: Mapping[str, MeasureRef] = Field(default_factory=dict)  # measures that settings name, by registered name
    precision: Precision = "float32"
    num_edits: int
    draws: int = 1  # disjoint sets of concepts, edited one after the other
    replicates: int = 1  # seeds with which each is edited
    model: ModelRef
    sampling: Sampling
    limit: int | None = None  # prompts per role; None: all of them. A limited run is partial and stands on no table
    share: float | None = None  # the part of them that was drawn at random; None: all of them. Partial likewise

    @field_validator("num_edits")
    @classmethod
    def _at_least_one_edit(cls, value: int) -> int:
        check_int(value, "`num_edits`", 1, MOST_COUNTED)
        return value

    @field_validator("limit")
    @classmethod
    def _at_least_one_prompt(cls, value: int | None) -> int | None:
        if value is not None:
            check_int(value, "`limit`", 1, MOST_COUNTED)
        return value

    @field_validator("share")
    @classmethod
    def _is_a_part(cls, value: float | None) -> float | None:
        if value is not None:
            check_share(value)
        return value

    @model_serializer(mode="wrap")
    def _without_share(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a share of all, so that ids are those of before there was the field."""
        written: dict[str, Any] = write(self)
        if self.share is None:
            written.pop("share", None)
        return written

    @field_validator("task", "dataset", "method")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        check_registered(value, "the name")
        return value

    @property
    def is_partial(self) -> bool:
        """Whether only a part of the prompts is drawn."""
        return self.limit is not None or self.share is not None

    @property
    def digest(self) -> str:
        """sha256 of the spec, 64 hex digits."""
        return digest(self)

    @property
    def id(self) -> str:
        """ "aice/emcid/0300-3f9c0a1b": task, method, number of edits, first eight digits of the digest."""
        return f"{slug(self.task)}/{slug(self.method)}/{self.num_edits:04d}-{self.digest[:8]}"


def slug(name: str) -> str:
    """A registered name as one folder name: `pkg/name` keeps its package.

    >>> slug("gloce-iceb/gloce")
    'gloce-iceb.gloce'
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", ".", name)

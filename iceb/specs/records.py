"""The parts of a result: what was run, what came out, what it cost and where it came from."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from iceb.specs.checks import check_registered
from iceb.specs.labels import method_label
from iceb.specs.metrics import Metric
from iceb.specs.reduction import Change, Combine, Part, Reduction, Score
from iceb.specs.runs import Dtype, MeasureRef, Precision, Scalar
from iceb.statistics.estimates import scatters


def _check_registered(value: str) -> str:
    check_registered(value, "the name")
    return value


RegisteredName = Annotated[str, AfterValidator(_check_registered)]  # pages and folders are named by it


class Record(BaseModel):
    """A part of a result: frozen, and without numbers that are not finite.

    Fields that are not known are passed over when a file is read: a newer version may have written it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TaskRecord(Record):
    """The task and the exact data it was run on."""

    name: RegisteredName
    version: int
    dataset: RegisteredName  # of the dataset whose card was used
    dataset_version: int
    card_sha256: str
    data_sha256: Mapping[str, str]
    requests_sha256: str  # of the ordered requests
    prompts_sha256: str  # of every prompt that the dataset has at this number of edits


class MethodRecord(Record):
    """The algorithm and its settings."""

    name: str
    version: int
    package: str
    package_version: str
    code: str  # digest of the code that can change the edit
    paper: str
    recipe: str  # "emcid/aice", a file's name, or "" for the method's own defaults
    recipe_sha256: str = ""  # of the recipe's text; "" without a recipe
    recipe_how: str = ""  # how its settings for this model were chosen, in its own words
    recipe_part: str = ""  # which of its settings, "published" or "tuned for mini"; "" for a recipe of one kind
    params: Mapping[str, Scalar]
    judges: Mapping[str, MeasureRef] = Field(default_factory=dict)  # measures that settings name
    precision: Precision = "float32"  # of its training passes
    changed: Mapping[str, Scalar] = Field(default_factory=dict)  # params that differ from the shipped recipe
    fidelity: str = ""  # how near it is to its authors' code, as its card says: faithful, partial, variant or own
    reaches_dest: bool = True  # False: an eraser, which has no scores about destinations
    by_num_edits: tuple[str, ...] = ()  # params that the recipe has by the number of edits: one row may differ in them
    retained_scored: tuple[str, ...] = ()  # names that the run scores and that its retain lists hold

    @property
    def label(self) -> str:
        """The name, with which settings it had: "emcid, tuned for mini (residual=output)"."""
        return method_label(self.name, {**self.changed, **self.passes}, self.recipe_part)

    @property
    def passes(self) -> dict[str, str]:
        """The precision of training passes as an option, for labels; "" for float32."""
        return {} if self.precision == "float32" else {"--precision": self.precision}


class ModelRecord(Record):
    """The weights before and after."""

    family: RegisteredName
    repo: str
    revision: str
    dtype: Dtype
    digest: str
    edited_digest: tuple[str, ...]  # one per checkpoint
    relative_change: float | None = None  # ‖ΔW‖ / ‖W‖ of an edit's parameters, mean over edits; None: none changed


class PartRecord(Record):
    """One part of a metric; see `iceb.specs.reduction.Part`."""

    weight: float
    change: Change
    slope: float = 1.0  # 1 and 0 in older results, whose parts count statistics as they are
    offset: float = 0.0
    over: str = ""  # likewise: they divide by no other part

    @classmethod
    def of(cls, part: Part) -> "PartRecord":
        """The record of a part."""
        return cls(weight=part.weight, change=part.change, slope=part.slope, offset=part.offset, over=part.over)

    @property
    def part(self) -> Part:
        """The part itself."""
        return Part(self.weight, self.change, self.slope, self.offset, self.over)


class ReductionRecord(Record):
    """The reduction of concepts' statistics to a score; see `iceb.specs.reduction.Reduction`."""

    parts: Mapping[str, PartRecord]
    weighting: Literal["images", "concepts"]
    kind: Literal["mean", "set"]
    combine: Combine = "sum"  # older results have no other
    steps: bool = False  # likewise

    @classmethod
    def of(cls, reduction: Reduction) -> "ReductionRecord":
        """The record of a reduction."""
        parts = {name: PartRecord.of(part) for name, part in reduction.parts.items()}
        return cls(
            parts=parts,
            weighting=reduction.weighting,
            kind=reduction.kind,
            combine=reduction.combine,
            steps=reduction.steps,
        )

    @property
    def reduction(self) -> Reduction:
        """The reduction itself."""
        parts = {name: record.part for name, record in self.parts.items()}
        return Reduction(parts, self.weighting, self.kind, self.combine, self.steps)

    @staticmethod
    def leave_out_defaults(written: dict[str, Any]) -> None:
        """Remove later fields from a written record where they say nothing.

        Equal results keep equal bytes, whichever version wrote them.
        """
        later = [(written, "combine", "sum"), (written, "steps", False)]
        for part in written["parts"].values():
            later += [(part, name, PartRecord.model_fields[name].default) for name in ("slope", "offset", "over")]
        for document, name, default in later:
            if document[name] == default:
                del document[name]


class IntervalRecord(Record):
    """The 95 % interval by the method that simulations chose for the score's design (docs/statistics.md)."""

    method: Literal["bca", "student_t"]  # over clusters, where `low` and `high` of a score are t over concepts
    level: float = 0.95
    low: float
    high: float
    clusters: float  # of equal weight


MOST_FAILED = 0.05  # of the prompts, or of a reference's images, that a metric reads; above it there is no value
WITHHELD = "withheld:"  # the first word of such a score's note


class ScoreRecord(Record):
    """One metric's outcome."""

    metric: str
    version: int
    package: str  # the distribution that registers the metric
    measures: Mapping[str, MeasureRef]  # by the kind that the metric names
    references: Mapping[str, str] = Field(default_factory=dict)  # name of a side of images from elsewhere → digest
    unit: str
    higher_is_better: bool
    reduction: ReductionRecord
    value: float | None
    stderr: float | None
    low: float | None = None  # of the 95 % interval by Student's t over concepts
    high: float | None = None
    interval: IntervalRecord | None = None  # None: there is none, or an older version wrote the result
    n: int = Field(ge=0)
    concepts: int = Field(ge=0)
    before: float | None = None
    after: float | None = None
    note: str = ""
    failed: int = Field(default=0, ge=0)  # images that could not be measured: left out on both sides
    failed_why: str = ""  # the reason of the first of them

    @property
    def metric_arrow(self) -> str:
        """The metric's name with the direction in which it is better: "dest_forget ↓"."""
        return f"{self.metric} {'↑' if self.higher_is_better else '↓'}"

    @property
    def shown_error(self) -> float | None:
        """The standard error; None where no concept differs from another, which says nothing of further ones."""
        return self.stderr if self.value is not None and scatters(self.value, self.stderr) else None

    @property
    def withheld(self) -> bool:
        """Whether so many images could not be measured that there is no value."""
        return self.failed > 0 and self.value is None and self.note.startswith(WITHHELD)

    @property
    def full_name(self) -> str:
        """package/name, by which the metric is registered."""
        return f"{self.package}/{self.metric}"

    @classmethod
    def of(
        cls,
        metric: Metric,
        package: str,
        measures: Mapping[str, MeasureRef],
        score: Score,
        references: Mapping[str, str] | None = None,
    ) -> "ScoreRecord":
        """The record of `score`, which `metric` made from numbers of `measures` and from `references`."""
        return cls(
            metric=metric.name,
            version=metric.version,
            package=package,
            measures=measures,
            references=references or {},
            unit=metric.unit,
            higher_is_better=metric.higher_is_better,
            reduction=ReductionRecord.of(metric.reduction),
            **asdict(score),
        )


class CheckpointRecord(Record):
    """The scores of one group of checkpoints, where a schedule has several."""

    group: str
    edits: int  # batches that were active at its last checkpoint
    scores: tuple[ScoreRecord, ...]


class TableRecord(Record):
    """A file beside the result: per_concept.parquet (the statistics) or images.jsonl (their images)."""

    sha256: str  # of the file
    rows: int = Field(ge=0)

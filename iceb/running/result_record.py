"""Make the result of a run: spec, scores, costs and provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from iceb.base.digest import digest
from iceb.datasets.cards import card_sha256
from iceb.running.cost import Seconds, peak_bytes, peak_gpu_bytes
from iceb.running.planned import Plan
from iceb.running.scoring import Scores
from iceb.runs.ledger import ImageRow, encode_ledger, ledger_record
from iceb.runs.provenance import Origin
from iceb.runs.table import encode_table, table_record
from iceb.specs.datasets import ConceptDataset
from iceb.specs.degenerate import DegenerateRecord
from iceb.specs.effects import EffectsRecord
from iceb.specs.outside import OWN
from iceb.specs.records import CheckpointRecord, ModelRecord, TaskRecord
from iceb.specs.results import Result
from iceb.specs.run_records import Cost
from iceb.specs.runs import RunSpec
from iceb.specs.tasks import Task
from iceb.stores.edits import MadeEdit


@dataclass(frozen=True)
class EditCost:
    """The cost and log of one edit; its tensors are released once its images are drawn."""

    seconds: float
    bytes: int
    peak_bytes: int | None
    peak_gpu_bytes: int | None
    log: Mapping[str, float]
    found: bool  # the edit was in the store
    relative_change: float | None  # of the weights it changes; None of an edit that changes none
    weights: int = 0  # parameters that it changes
    rewrites: int = 0  # phrases that it rewrites in prompts
    negative: bool = False  # it has a negative prompt

    @classmethod
    def of(cls, made: MadeEdit) -> "EditCost":
        """Return the cost of an edit that was made now or earlier."""
        return cls(
            made.seconds,
            made.bytes,
            made.peak_bytes,
            made.peak_gpu_bytes,
            dict(made.edit.log),
            made.found,
            made.relative_change,
            len(made.edit.weights),
            len(made.edit.rewrites),
            bool(made.edit.negative_prompt),
        )


@dataclass
class Images:
    """The edits and images of one pass through the schedule."""

    rows: list[ImageRow] = field(default_factory=list)
    edits: list[EditCost] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)  # of the model at each checkpoint
    active: dict[str, int] = field(default_factory=dict)  # group → batches in the model at its last checkpoint


@dataclass(frozen=True)
class Outcome:
    """The outcome of a finished run: its scores, and the two encoded files that its result names."""

    scores: Scores
    table: bytes
    ledger: bytes
    degenerate: DegenerateRecord | None = None
    effects: EffectsRecord | None = None

    @classmethod
    def of(
        cls,
        scores: Scores,
        rows: Sequence[ImageRow],
        degenerate: DegenerateRecord | None,
        effects: EffectsRecord | None = None,
    ) -> "Outcome":
        """Make the outcome from scores and the ledger rows behind them."""
        return cls(scores, encode_table(scores.table), encode_ledger(rows), degenerate, effects)


def make_result(
    plan: Plan,
    images: Images,
    seconds: Seconds,
    origin: Origin,
    outcome: Outcome | None = None,
    error: str | None = None,
) -> Result:
    """Make the result of a run; without outcome and with `error`, of a failed one."""
    groups = dict(outcome.scores.groups) if outcome else {}
    last = list(groups)[-1] if groups else None
    earlier = {group: found for group, found in groups.items() if group != last}
    found = Result.of(
        plan.spec,
        task=task_record(plan.spec, plan.parts.task, plan.parts.dataset),
        method=plan.parts.method.record.model_copy(
            update={"retained_scored": plan.retained_scored, "precision": plan.spec.precision}
        ),
        model=_model(plan, images),
        scores=groups[last] if last is not None else (),
        checkpoints=tuple(
            CheckpointRecord(group=group, edits=images.active[group], scores=found) for group, found in earlier.items()
        ),
        per_concept=table_record(outcome.table, outcome.scores.table) if outcome else None,
        images=ledger_record(outcome.ledger, images.rows) if outcome else None,
        degenerate=outcome.degenerate if outcome else None,
        execution=_execution(plan),
        cost=_cost(plan, images, seconds),
        plugins=origin.plugins,
        provenance=origin.to_provenance(),
        log=_joined_logs([edit.log for edit in images.edits]),
        error=error,
    )
    beside = {"effects": outcome.effects if outcome else None, "outside": plan.parts.outside}
    return found.model_copy(update=beside)


def _execution(plan: Plan) -> dict[str, Any]:
    """Record how the run was computed: requested settings, device, and pass sizes used."""
    bundle = plan.parts.bundle
    asked = {name: value for name, value in asdict(plan.parts.execution).items() if value is not None}
    return {**asked, **bundle.pass_sizes.in_use, "device": str(bundle.device)}


def task_record(spec: RunSpec, task: Task, dataset: ConceptDataset) -> TaskRecord:
    """Make the record of the task and of the exact data it was run on."""
    card = dataset.card
    return TaskRecord(
        name=spec.task,
        version=task.version,
        dataset=spec.dataset,
        dataset_version=card.version,
        card_sha256=digest(card) if spec.dataset == OWN else card_sha256(spec.dataset),
        data_sha256={name: file.sha256 for name, file in card.files.items() if file.sha256 is not None},
        requests_sha256=spec.requests_sha256,
        prompts_sha256=spec.prompts_sha256,
    )


def _model(plan: Plan, images: Images) -> ModelRecord:
    ref = plan.spec.model
    changes = [edit.relative_change for edit in images.edits if edit.relative_change is not None]
    return ModelRecord(
        family=ref.family,
        repo=ref.repo,
        revision=ref.revision,
        dtype=ref.dtype,
        digest=plan.parts.bundle.digest,
        edited_digest=tuple(images.digests),
        relative_change=fmean(changes) if changes else None,
    )


def _cost(plan: Plan, images: Images, seconds: Seconds) -> Cost:
    tally, spent, edits = plan.parts.generator.tally, seconds.spent, images.edits
    once = edits[: max(1, len(edits) // (plan.spec.draws * plan.spec.replicates))]  # the first repetition, the cold one
    return Cost(
        edit_seconds=sum(edit.seconds for edit in once) if edits else None,
        draw_seconds=spent.get("draw"),
        measure_seconds=spent.get("measure"),
        total_seconds=seconds.total,
        edit_bytes=sum(edit.bytes for edit in once) if edits else None,
        peak_bytes=_most([*(edit.peak_bytes for edit in edits), peak_bytes()]),
        peak_gpu_bytes=_most([*(edit.peak_gpu_bytes for edit in edits), peak_gpu_bytes()]),
        images_drawn=tally.drawn,
        images_reused=tally.reused,
        images_found=tally.from_earlier_runs,
        edits_found=sum(edit.found for edit in edits) if edits else None,
    )


def _most(peaks: Sequence[int | None]) -> int | None:
    return max((peak for peak in peaks if peak is not None), default=None)


def _joined_logs(logs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average what every edit logs; values that only some report are left out."""
    shared = set.intersection(*(set(log) for log in logs)) if logs else set()
    return {name: float(sum(log[name] for log in logs) / len(logs)) for name in sorted(shared)}

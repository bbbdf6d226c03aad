"""The benchmark on one page: draw before, edit, draw after, measure, reduce; then the record of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iceb.base.digest import digest
from iceb.base.errors import IcebError, ResultError
from iceb.base.files import write_atomic
from iceb.catalogue.cards import card_sha256
from iceb.running import references
from iceb.running.cost import Seconds, peak_bytes, peak_gpu_bytes
from iceb.running.edited_model import EditedModel
from iceb.running.folder import RESULT, read_result, write_requests
from iceb.running.ledger import ImageRow, write_ledger
from iceb.running.measuring import ImagesLost
from iceb.running.planned import Plan
from iceb.running.provenance import Origin
from iceb.running.scoring import Scores
from iceb.running.selection import CheckpointPrompts
from iceb.running.table import TABLE, encode_table, table_record
from iceb.specs.methods import Edit
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.prompts import Prompt
from iceb.specs.records import CheckpointRecord, Cost, ModelRecord, TaskRecord
from iceb.specs.requests import EditBatch
from iceb.specs.results import Result
from iceb.specs.schedules import Add, Remove
from iceb.stores.edits import MadeEdit
from iceb.stores.images import ImageKey
from iceb.stores.scratch import ScratchStore

ATTEMPTS = 3  # at images that were damaged after they had been drawn


@dataclass(frozen=True)
class EditCost:
    """What one edit took and said; its tensors are let go as soon as they were judged."""

    seconds: float
    bytes: int
    peak_bytes: int | None
    peak_gpu_bytes: int | None
    log: Mapping[str, float]

    @classmethod
    def of(cls, made: MadeEdit) -> "EditCost":
        """The cost of a made edit."""
        return cls(made.seconds, made.bytes, made.peak_bytes, made.peak_gpu_bytes, dict(made.edit.log))


@dataclass
class Images:
    """What was edited and drawn in one pass through the schedule."""

    rows: list[ImageRow] = field(default_factory=list)
    edits: list[EditCost] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)  # of the model at each checkpoint
    active: dict[str, int] = field(default_factory=dict)  # group → batches in the model at its last checkpoint


class Run:
    """One run as it goes: what was edited and drawn, and what it took."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.parts = plan, plan.parts
        self.images = Images()
        self.seconds = Seconds()
        self.origin = Origin.now(self.parts.bundle.device, self.parts.command)

    def scores(self) -> Scores:
        """Draw before, edit, draw after, measure, reduce; images that turn out damaged are drawn again.

        Raises:
            IcebError: the method, the model or a measure failed, or the cache cannot be written.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self.images = Images()
            self._draw()
            try:
                with self.seconds.of("measure"):
                    return self.parts.scorer.scores(self.images.rows)
            except ImagesLost:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _draw(self) -> None:
        """Follow the schedule: one edit alive at a time where the schedule removes each before the next."""
        before = self._draw_before(self.plan.prompts_before)
        checkpoints = {checkpoint.step.id: checkpoint for checkpoint in self.plan.checkpoints}
        with EditedModel(self.parts.bundle) as model:
            for step in self.plan.schedule:
                if isinstance(step, Add):
                    model.add(step.batch.id, self._edit(model, step.batch))
                elif isinstance(step, Remove):
                    model.remove(step.batch)
                else:
                    self._judge(model, checkpoints[step.id], before)

    def _edit(self, model: EditedModel, batch: EditBatch) -> Edit:
        made = self.parts.method.made(model.current, batch.requests, self.parts.edits, self.parts.cache)
        self.images.edits.append(EditCost.of(made))
        return made.edit

    def _draw_before(self, prompts: Sequence[Prompt]) -> dict[Prompt, ImageKey]:
        parts = self.parts
        with self.seconds.of("draw"):
            keys = parts.generator.draw(parts.bundle, prompts, self.plan.spec.sampling, "drawing before")
        return dict(zip(prompts, keys, strict=True))

    def _judge(self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]) -> None:
        """Draw a checkpoint's prompts on the model as it is now, and enter their images."""
        step = checkpoint.step
        prompts, before = self._prepared(model, checkpoint, before)
        drawn = [prompt for prompt in prompts if AFTER in self.plan.selection.sides(prompt)]
        with self.seconds.of("draw"):
            keys = self.parts.generator.draw(model.current, drawn, self.plan.spec.sampling, "drawing after")
        after = iter(zip(drawn, keys, strict=True))
        keys_after = [next(after)[1] if AFTER in self.plan.selection.sides(prompt) else None for prompt in prompts]
        self.images.rows += [
            ImageRow(step.id, step.group, prompt, before.get(prompt), key)
            for prompt, key in zip(prompts, keys_after, strict=True)
        ]
        self.images.digests.append(model.current.digest)
        self.images.active[step.group] = len(model.active)

    def _prepared(
        self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]
    ) -> tuple[Sequence[Prompt], Mapping[Prompt, ImageKey]]:
        """What is drawn, prepared from the edited model where the dataset does so, and its images before."""
        prepare = getattr(self.parts.dataset, "prepare", None)
        if prepare is None:
            return checkpoint.prompts, before
        card = self.parts.dataset.card
        owner = {"dataset": card.name, "version": card.version, "model": model.current.digest}
        scratch = ScratchStore(self.parts.cache, owner)
        prompts = tuple(prepare(model.current, checkpoint.step, checkpoint.prompts, scratch))
        with model.suspended():
            return prompts, self._draw_before([p for p in prompts if BEFORE in self.plan.selection.sides(p)])

    def result(self, scores: Scores | None = None, error: str | None = None) -> Result:
        """The record of the run so far; with `error`, of a failed one."""
        groups = dict(scores.groups) if scores else {}
        last = list(groups)[-1] if groups else None
        data = encode_table(scores.table) if scores else None
        return Result.of(
            self.plan.spec,
            task=self._task(),
            method=self.parts.method.record,
            model=self._model(),
            scores=groups[last] if last is not None else (),
            checkpoints=tuple(
                CheckpointRecord(group=group, edits=self.images.active[group], scores=found)
                for group, found in groups.items()
                if group != last
            ),
            per_concept=table_record(data, scores.table) if scores and data else None,
            execution=self.parts.execution,
            cost=self._cost(),
            provenance=self.origin.finished(),
            log=_joined_logs([edit.log for edit in self.images.edits]),
            error=error,
        )

    def _task(self) -> TaskRecord:
        task, card = self.parts.task, self.parts.dataset.card
        return TaskRecord(
            name=task.name,
            version=task.version,
            dataset=card.name,
            dataset_version=card.version,
            card_sha256=card_sha256(card.name),
            data_sha256={name: file.sha256 for name, file in card.files.items()},
            requests_sha256=digest([batch.requests for batch in self.plan.batches]),
        )

    def _model(self) -> ModelRecord:
        ref = self.plan.spec.model
        return ModelRecord(
            family=ref.family,
            repo=ref.repo,
            revision=ref.revision,
            dtype=ref.dtype,
            digest=self.parts.bundle.digest,
            edited_digest=tuple(self.images.digests),
        )

    def _cost(self) -> Cost:
        tally, spent, edits = self.parts.generator.tally, self.seconds.spent, self.images.edits
        return Cost(
            edit_seconds=sum(edit.seconds for edit in edits) if edits else None,
            draw_seconds=spent.get("draw"),
            measure_seconds=spent.get("measure"),
            total_seconds=self.seconds.total,
            edit_bytes=sum(edit.bytes for edit in edits) if edits else None,
            peak_bytes=_most([*(edit.peak_bytes for edit in edits), peak_bytes()]),
            peak_gpu_bytes=_most([*(edit.peak_gpu_bytes for edit in edits), peak_gpu_bytes()]),
            images_drawn=tally.drawn,
            images_reused=tally.reused,
        )


def _most(peaks: Sequence[int | None]) -> int | None:
    return max((peak for peak in peaks if peak is not None), default=None)


def _joined_logs(logs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of what every edit reports; a value that only some report is left out."""
    shared = set.intersection(*(set(log) for log in logs)) if logs else set()
    return {name: float(sum(log[name] for log in logs) / len(logs)) for name in sorted(shared)}


def evaluate(plan: Plan) -> Result:
    """Run the benchmark: draw before, edit the model, draw after, measure, reduce; nothing is written but the cache.

    What exists in the stores is used; what is made is kept at once, so an interrupted call goes on where it stopped.

    Raises:
        IcebError: the method, the model or a measure failed, or the cache cannot be written.
    """
    run = Run(plan)
    return run.result(run.scores())


def run(plan: Plan, out: Path) -> tuple[Result, Path]:
    """Carry out a plan and write its folder, `out`/<id>: result.json, and what scoring and showing it again need.

    A run that fails leaves a result too, with status "failed" and the error, unless an earlier run's stands there;
    everything made so far stays in the cache. A run that drew nothing and scores as the one before it leaves that one's
    file as it is: what it says of time, memory and origin is of the run that did the work.

    Returns:
        The result, and the path of result.json.

    Raises:
        IcebError: as `evaluate`; or `out` cannot be written, which is found before any work.
    """
    folder = out / plan.spec.id
    path = folder / RESULT
    write_atomic(folder / "plan.txt", "".join(f"{line}\n" for line in plan.lines()).encode())
    references.note(plan.parts.cache, out)
    going = Run(plan)
    try:
        scores = going.scores()
    except Exception as error:
        if _standing(path) is None:
            said = str(error) if isinstance(error, IcebError) else f"{type(error).__name__}: {error}"
            write_atomic(path, going.result(error=said).to_json().encode())
        raise
    result = going.result(scores)
    _write(folder, going, scores, result)
    return result, path


def _write(folder: Path, going: Run, scores: Scores, result: Result) -> None:
    """The files of a finished run; the result last, because it names the table beside it."""
    write_requests(folder, [request for batch in going.plan.batches for request in batch.requests])
    write_ledger(folder, going.images.rows)
    standing = _standing(folder / RESULT)
    if standing is None or result.cost.images_drawn or standing.per_concept != result.per_concept:
        write_atomic(folder / TABLE, encode_table(scores.table))
        write_atomic(folder / RESULT, result.to_json().encode())


def _standing(path: Path) -> Result | None:
    """The result of an earlier run at `path`; None where there is none, or it failed."""
    try:
        found = read_result(path)
    except ResultError:
        return None
    return None if found.status == "failed" else found

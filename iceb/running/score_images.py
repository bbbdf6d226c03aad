"""Score images that others drew: the result of a run, marked as such; no edited model is loaded."""

from dataclasses import dataclass
from pathlib import Path

from iceb.base.cache import cache_root, require_writable
from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.models.loading import choose_device
from iceb.models.sources import Source, find
from iceb.running import cache_use
from iceb.running.before_images import BeforeImages, UneditedModel, count_of_other_prompts
from iceb.running.checkpoint_method import VERSION, card_of
from iceb.running.cost import Seconds
from iceb.running.degenerate_images import score_and_count
from iceb.running.handed_images import HandedImages, find_files, take_images
from iceb.running.measure_choice import measures
from iceb.running.measuring import Measuring
from iceb.running.no_effect import find_effects, refuse_same_images
from iceb.running.plan import Ask, model_sampling, refuse_kinds
from iceb.running.plugin_records import metric_entries, plugin_records
from iceb.running.prompt_files import prompt_files
from iceb.running.reference_images import reference_images
from iceb.running.result_record import Outcome, task_record
from iceb.running.scoring import Scorer
from iceb.running.task_data import TaskData, read_task, task_of
from iceb.runs.folder import RESULT, write_requests
from iceb.runs.ledger import LEDGER, ledger_record
from iceb.runs.provenance import Origin
from iceb.runs.table import TABLE, table_record
from iceb.specs.checks import check_part
from iceb.specs.metrics import BEFORE
from iceb.specs.outside import ELSEWHERE, WORDS, OutsideRecord
from iceb.specs.records import CheckpointRecord, MethodRecord, ModelRecord
from iceb.specs.results import Result
from iceb.specs.run_records import Cost
from iceb.specs.runs import RunSpec, Sampling
from iceb.specs.schedules import edit_batches
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


@dataclass(frozen=True)
class HandedIn:
    """Images from elsewhere, and what their maker says of them.

    Attributes:
        images: a folder or a manifest; see `iceb.running.handed_images.find_files`.
        before: the unedited model's images, where they lie elsewhere.
        erases: the edit only erases: it has no scores about destinations.
        draw_before: the unedited model's images are drawn here, and none are handed in.
    """

    images: Path
    before: Path | None = None
    erases: bool = False
    draw_before: bool = False


def open_task(ask: Ask) -> TaskData:
    """Open the task that is asked for: its prompts are those that images are handed in for.

    Raises:
        IcebError: no such task, model or metric, or files that are missing or damaged.
    """
    return read_task(ask, task_of(ask), find(ask.model, ask.dtype), cache_root(ask.cache))


def score_images(ask: Ask, handed: HandedIn, out: Path) -> tuple[Result, Path, HandedImages]:
    """Score images from elsewhere and write the folder of a run of them.

    Args:
        ask: the task, and the model that was edited; its `method` is the name that the images' maker gives.
        handed: where the images lie.
        out: where run folders are written.

    Returns:
        The result, the path of result.json, and which images were missing or of no prompt.

    Raises:
        IcebError: an image is unreadable, stands twice or has another size, or a measure failed.
    """
    check_part(ask.method, "`name`")
    refuse_kinds(ask, task_of(ask), card_of(ask.method, erases=handed.erases))
    source, cache, data = find(ask.model, ask.dtype), cache_root(ask.cache), open_task(ask)
    sampling = model_sampling(source.family.sampling, ask.sampling)
    files = find_files(handed.images, handed.before)
    if handed.draw_before and files[BEFORE]:
        raise SpecError(f"`draw_before`: {len(files[BEFORE])} such images were handed in too: leave one of the two out")
    require_writable(cache)
    model = UneditedModel(source, ask.execution.device, sampling, ImageStore(cache))
    drawn = model.draw(prompt_files(data)) if handed.draw_before else None
    taken = take_images(prompt_files(data), files, sampling, ImageStore(cache), drawn)
    cache_use.note(cache, out)
    before = BeforeImages(tuple(taken.rows), "drawn") if drawn else model.compare(taken.rows)
    job = _Job(ask, handed, source, data, sampling, taken, before)
    result, outcome = job.result(cache)
    folder = out / result.id
    write_requests(folder, [request for batch in edit_batches(data.schedule) for request in batch.requests])
    write_atomic(folder / LEDGER, outcome.ledger)
    write_atomic(folder / TABLE, outcome.table)
    write_atomic(folder / RESULT, result.to_json().encode())
    return result, folder / RESULT, taken


@dataclass(frozen=True)
class _Job:
    """Everything that the result of handed images says."""

    ask: Ask
    handed: HandedIn
    source: Source
    data: TaskData
    sampling: Sampling
    taken: HandedImages
    before: BeforeImages

    def result(self, cache: Path) -> tuple[Result, Outcome]:
        """Measure, score, and make the result."""
        named, device = self.source.family.measures, choose_device(self.ask.execution.device)
        plugins = plugin_records(metric_entries(self.data.metrics, named))
        origin, seconds = Origin.now(device, self.ask.command, plugins), Seconds()
        scorer = self._scorer(cache, str(device))
        found = find_effects(self.data.task, self.data.checkpoints, self.before.rows, scorer.measuring.images)
        effects = refuse_same_images(found)
        with seconds.of("measure"):
            scores, degenerate = score_and_count(scorer, self.before.rows)
        outcome = Outcome.of(scores, self.before.rows, degenerate, effects)
        *earlier, last = scores.groups
        result = Result.of(
            self._spec(),
            task=task_record(self._spec(), self.data.task, self.data.dataset),
            method=self._method(),
            model=self._model(),
            scores=scores.groups[last],
            checkpoints=tuple(CheckpointRecord(group=each, edits=1, scores=scores.groups[each]) for each in earlier),
            per_concept=table_record(outcome.table, scores.table),
            images=ledger_record(outcome.ledger, self.before.rows),
            degenerate=outcome.degenerate,
            execution={"device": str(device)},
            cost=Cost(measure_seconds=seconds.spent["measure"], total_seconds=seconds.total),
            plugins=origin.plugins,
            provenance=origin.to_provenance(),
        )
        partial = result.status == "partial" or bool(self.taken.missing)
        status = "partial" if partial else result.status
        return result.model_copy(update={"status": status, "effects": effects, "outside": self._mark(scorer)}), outcome

    def _scorer(self, cache: Path, device: str) -> Scorer:
        metrics, references = self.data.metrics, reference_images(self.data.dataset)
        kind = device.partition(":")[0]
        return Scorer(
            metrics=metrics,
            measures=measures([each.metric for each in metrics], self.source.family.measures, device),
            measuring=Measuring(ImageStore(cache), MeasuredStore(cache), kind, references.paths),
            references=references.keys,
            reaches_dest=not self.handed.erases,
            clusters=self.data.clusters,
        )

    def _spec(self) -> RunSpec:
        """Make the identity: the task's, and the images themselves in the place of a method's code."""
        return RunSpec(
            task=self.data.name,
            task_version=self.data.task.version,
            dataset=self.data.card,
            dataset_version=self.data.dataset.card.version,
            requests_sha256=self.data.digests.requests,
            prompts_sha256=self.data.digests.prompts,
            method=self.ask.method,
            method_version=1,
            package=ELSEWHERE,
            code=self.taken.identity,
            num_edits=self.ask.num_edits,
            draws=self.ask.repeats.draws,
            replicates=self.ask.repeats.replicates,
            model=self.source.ref,
            sampling=self.sampling,
            limit=self.ask.limit,
            share=self.ask.share,
        )

    def _method(self) -> MethodRecord:
        return MethodRecord(
            name=self.ask.method,
            version=1,
            package=ELSEWHERE,
            package_version=VERSION,
            code=self.taken.identity,
            paper="",
            recipe="",
            recipe_part=WORDS["images"],
            params={},
            reaches_dest=not self.handed.erases,
            clusters=self.data.clusters,
        )

    def _model(self) -> ModelRecord:
        ref = self.source.ref
        return ModelRecord(
            family=ref.family,
            repo=ref.repo,
            revision=ref.revision,
            dtype=ref.dtype,
            digest=self.source.digest,
            edited_digest=(),
        )

    def _mark(self, scorer: Scorer) -> OutsideRecord:
        return OutsideRecord(
            own_requests=self.ask.own.file if self.ask.own is not None else "",
            made_by="images",
            source=self.handed.images.name,
            missing=tuple(self.taken.missing),
            before=self.before.how,
            before_unknown=self.before.unknown,
            of_other_prompts=count_of_other_prompts(self.before.rows, scorer.measuring.images),
        )

"""Plan a run: run every check that needs no model, and resolve names to objects; nothing is computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iceb.base.cache import cache_root
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.base.suggestions import unknown
from iceb.datasets.conflicts import schedule_conflicts
from iceb.datasets.own_requests import OwnRequests
from iceb.models.generator import Generator
from iceb.models.memory import PassSize
from iceb.models.sources import Source, find
from iceb.running.checkpoint_method import checkpoint_method, refuse_several_edits
from iceb.running.given_method import GivenMethod
from iceb.running.measure_choice import measures
from iceb.running.measuring import CHUNK, Measuring
from iceb.running.method_runner import ChosenMethod
from iceb.running.model_fit import refuse_drawings, refuse_other_models
from iceb.running.planned import Plan
from iceb.running.plugin_records import run_entries
from iceb.running.prompt_selection import refuse_unpublished_noise
from iceb.running.recipe_settings import with_recipe
from iceb.running.reference_images import reference_images
from iceb.running.request_kinds import refuse_kind, refuse_requests
from iceb.running.run_parts import Parts
from iceb.running.scoring import Scorer
from iceb.running.shared_parts import SharedParts
from iceb.running.task_data import OWN_RECIPE, TaskData, read_task, task_of
from iceb.specs.checks import check_int
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import MethodCard
from iceb.specs.outside import OutsideRecord
from iceb.specs.repeats import SINGLE, Repeats
from iceb.specs.results import first_problem
from iceb.specs.runs import MOST_COUNTED, Dtype, ModelRef, RunSpec, Sampling, Scalar, check_share
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.pace import Pace


@dataclass(frozen=True)
class Ask:
    """A run as requested by name; the fields are the options of `iceb evaluate`."""

    task: str
    method: GivenMethod  # its name; or a class, or an object with its settings
    num_edits: int
    repeats: Repeats = SINGLE
    model: str = "mini"  # a family, or a folder
    data: str | None = None  # "embedded", "upstream" or a folder; None: embedded on mini, upstream elsewhere
    settings: Mapping[str, Scalar] = field(default_factory=dict)  # --set
    recipe: str | Path | None = None  # "published", "tuned" or a file; None: tuned where there is such a part
    metrics: tuple[str, ...] = ()  # beside the task's own
    with_tasks: tuple[str, ...] = ()  # other tasks, "preservation=1000": their shared prompts and metrics as well
    sampling: Mapping[str, Any] = field(default_factory=dict)  # fields of Sampling that differ from the model's default
    limit: int | None = None  # prompts per role
    share: float | None = None  # the part of each role's images or concepts to draw, at random; None: all of them
    dtype: Dtype = "float32"
    execution: Execution = DEFAULT  # how to compute; of it only the precision is in keys
    cache: Path | None = None  # None: the default one
    own: OwnRequests | None = None  # a user's own requests in the place of a task's
    checkpoint: Path | None = None  # a model that was edited elsewhere, called `method`, in the place of an edit
    erases: bool = False  # that model only erases: it has no destinations
    command: tuple[str, ...] | None = None  # None: this process's own

    def __post_init__(self) -> None:
        check_int(self.num_edits, "`num_edits`", 1, MOST_COUNTED)
        if self.limit is not None:
            check_int(self.limit, "`limit`", 1, MOST_COUNTED)
            self._refuse_repeats("`limit` is for a first look at one edit")
        if self.share is not None:
            check_share(self.share)
            self._refuse_repeats("`share` is of one edit")
        if self.limit is not None and self.share is not None:
            raise SpecError("`limit` and `share` both say what part is drawn: leave one of them out")

    def _refuse_repeats(self, what: str) -> None:
        if not self.repeats.is_single:
            raise SpecError(f"{what}: use `draws=1` and `replicates=1` with it")


def plan(ask: Ask, may_fetch: bool = True, shared: SharedParts | None = None) -> Plan:
    """Check all that needs no computation, and gather the objects of the run.

    Args:
        may_fetch: whether data files that are missing are downloaded; a dry run writes nothing.
        shared: the model that is asked for and measures, where several runs use them one after the other.

    Raises:
        IcebError: anything asked wrongly, or missing; the message says what and what to do.
    """
    shared = shared or SharedParts.of(find(ask.model, ask.dtype), ask.execution)
    source, cache = shared.source, cache_root(ask.cache)
    task = task_of(ask)
    refuse_drawings(task, source)
    method = _method(ask, task, source)
    sampling = model_sampling(source.family.sampling, ask.sampling)
    data = read_task(ask, task, source, cache, may_fetch)
    refuse_other_models(data.dataset, source)
    if sampling.noise == "upstream":
        refuse_unpublished_noise(data.card, data.dataset, data.checkpoints)
    if ask.checkpoint is not None:
        refuse_several_edits(data)
    spec = _spec(ask, data, method, source.ref, sampling)
    parts = _parts(ask, data, method, shared, cache)
    parts.plugins = run_entries(spec, data.metrics, source.family.measures)
    return Plan(spec, parts, data.schedule, data.selection, data.checkpoints, schedule_conflicts(data.schedule))


def _spec(ask: Ask, data: TaskData, method: ChosenMethod, model: ModelRef, sampling: Sampling) -> RunSpec:
    """Make the spec whose digest is the run's id."""
    return RunSpec(
        task=data.name,
        task_version=data.task.version,
        dataset=data.card,
        dataset_version=data.dataset.card.version,
        requests_sha256=data.digests.requests,
        prompts_sha256=data.digests.prompts,
        method=method.card.name,
        method_version=method.card.version,
        package=method.entry.package,
        code=method.code,
        params=method.params,
        judges=method.judges,
        precision=ask.execution.precision,
        num_edits=ask.num_edits,
        draws=ask.repeats.draws,
        replicates=ask.repeats.replicates,
        model=model,
        sampling=sampling,
        limit=ask.limit,
        share=ask.share,
    )


def _parts(ask: Ask, data: TaskData, method: ChosenMethod, shared: SharedParts, cache: Path) -> Parts:
    """Collect the objects of the run; no weights are loaded."""
    bundle, images, references = shared.bundle, ImageStore(cache), reference_images(data.dataset)
    chosen = measures(
        [each.metric for each in data.metrics], bundle.family.measures, str(bundle.device), shared.measures
    )
    return Parts(
        task=data.task,
        dataset=data.dataset,
        method=method,
        bundle=bundle,
        generator=Generator(images, Pace(cache)),
        scorer=Scorer(
            metrics=data.metrics,
            measures=chosen,
            measuring=Measuring(
                images,
                MeasuredStore(cache),
                bundle.device.type,
                references.paths,
                PassSize("images_per_pass", ask.execution.images_per_pass or CHUNK),
            ),
            references=references.keys,
            reaches_dest=method.card.reaches_dest,
            clusters=data.clusters,
        ),
        edits=EditStore(cache),
        cache=cache,
        command=ask.command,
        execution=ask.execution,
        outside=_outside(ask),
    )


def _outside(ask: Ask) -> OutsideRecord | None:
    """Return the mark of a run of own requests, or of a model from elsewhere."""
    if ask.own is None and ask.checkpoint is None:
        return None
    return OutsideRecord(
        own_requests=ask.own.file if ask.own is not None else "",
        made_by="" if ask.checkpoint is None else "checkpoint",
        source="" if ask.checkpoint is None else ask.checkpoint.name,
    )


def _method(ask: Ask, task: Task, source: Source) -> ChosenMethod:
    if ask.checkpoint is not None:
        if not isinstance(ask.method, str):
            raise SpecError(f"`checkpoint` {ask.checkpoint}: is in the place of a method: leave `method` out")
        if ask.settings or ask.recipe is not None:
            raise SpecError(
                "`checkpoint`: a model from elsewhere has no settings here: leave `settings` and `recipe` out"
            )
        chosen = checkpoint_method(ask.checkpoint, ask.method, source, erases=ask.erases)
        refuse_kinds(ask, task, chosen.card)
        return chosen
    if ask.erases:
        raise SpecError("`erases`: is for `checkpoint`; of a method, its card says whether it only erases")
    recipe_task = task.name if ask.own is None else OWN_RECIPE
    chosen = with_recipe(ask.method, recipe_task, source, ask.settings, ask.recipe, ask.num_edits)
    refuse_kinds(ask, task, chosen.card)
    chosen.check(source.ref)
    return chosen


def refuse_kinds(ask: Ask, task: Task, card: MethodCard) -> None:
    """Refuse a task, or own requests, of a kind that the card does not name."""
    if ask.own is None:
        refuse_kind(card, task.kind, f"task {task.name}")
    else:
        refuse_requests(card, ask.own.requests)


def model_sampling(default: Sampling, changes: Mapping[str, Any]) -> Sampling:
    """Return the model's sampling with some fields changed.

    Raises:
        SpecError: an unknown field, or a value out of range.
    """
    fields = TypeAdapter(Sampling)
    known = fields.dump_python(default)
    for name in changes:
        if name not in known:
            raise SpecError(unknown("field of sampling", name, known))
    try:
        return fields.validate_python({**known, **changes})
    except ValidationError as error:
        problem = first_problem(error)
        name, _, said = problem.partition(": ")
        if name in changes:  # a type that does not fit, found before the check of the class
            problem = f"`{name}` {quote(changes[name])}: {said.replace('Input should be', 'must be')}"
        raise SpecError(problem) from error

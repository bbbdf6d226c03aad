"""Plan a run: run every check that needs no model, and resolve names to objects; nothing is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.digest import digest_file
from iceb.base.errors import DataError, SpecError
from iceb.base.frames import attribute_errors
from iceb.base.readers import explain_reading
from iceb.base.suggestions import unknown
from iceb.datasets import EMBEDDED, dataset_card_name, open_dataset
from iceb.datasets.conflicts import schedule_conflicts
from iceb.datasets.repeated import digests_of, with_repeats
from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.models.memory import PassSize
from iceb.models.sources import Source, find
from iceb.running.measure_choice import measures
from iceb.running.measuring import CHUNK, WHOLE_IMAGES, Measuring
from iceb.running.method_runner import ChosenMethod
from iceb.running.planned import Plan
from iceb.running.plugin_records import run_entries
from iceb.running.prompt_selection import Selection, refuse_unpublished_noise
from iceb.running.recipe_settings import with_recipe
from iceb.running.request_kinds import refuse_kind
from iceb.running.run_parts import Parts
from iceb.running.scoring import RegisteredMetric, Scorer, registered_metric
from iceb.specs.checks import check_int
from iceb.specs.data_digests import DataDigests
from iceb.specs.datasets import ConceptDataset
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.prompts import ImageKey
from iceb.specs.repeats import SINGLE, Repeats
from iceb.specs.results import first_problem
from iceb.specs.runs import MOST_COUNTED, Dtype, ModelRef, RunSpec, Sampling, Scalar
from iceb.specs.schedules import with_checkpoints
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.pace import Pace


@dataclass(frozen=True)
class Ask:
    """A run as requested by name; the fields are the options of `iceb evaluate`."""

    task: str
    method: str
    num_edits: int
    repeats: Repeats = SINGLE
    model: str = "mini"  # a family, or a folder
    data: str | None = None  # "embedded", "upstream" or a folder; None: embedded on mini, upstream elsewhere
    settings: Mapping[str, Scalar] = field(default_factory=dict)  # --set
    recipe: str | Path | None = None  # "published", "tuned" or a file; None: tuned where there is such a part
    metrics: tuple[str, ...] = ()  # beside the task's own
    sampling: Mapping[str, Any] = field(default_factory=dict)  # fields of Sampling that differ from the model's default
    limit: int | None = None  # prompts per role
    dtype: Dtype = "float32"
    execution: Execution = DEFAULT  # how to compute; of it only the precision is in keys
    cache: Path | None = None  # None: the default one
    command: tuple[str, ...] | None = None  # None: this process's own

    def __post_init__(self) -> None:
        check_int(self.num_edits, "`num_edits`", 1, MOST_COUNTED)
        if self.limit is not None:
            check_int(self.limit, "`limit`", 1, MOST_COUNTED)
            self._refuse_repeats()

    def _refuse_repeats(self) -> None:
        if not self.repeats.is_single:
            raise SpecError("`limit` is for a first look at one edit: use `draws=1` and `replicates=1` with it")


def plan(ask: Ask, may_fetch: bool = True) -> Plan:
    """Check all that needs no computation, and gather the objects of the run.

    Args:
        may_fetch: whether data files that are missing are downloaded; a dry run writes nothing.

    Raises:
        IcebError: anything asked wrongly, or missing; the message says what and what to do.
    """
    task: Task = registry.load("tasks", ask.task)
    source = find(ask.model, ask.dtype)
    method = _method(ask, task, source)
    sampling = _sampling(source.family.sampling, ask.sampling)
    metrics = _metrics(task, ask.metrics)
    bundle = ModelBundle(source, ask.execution.device, ask.execution.images_per_pass)
    cache = cache_root(ask.cache)
    data = data_of(ask.data, task.dataset, source)
    dataset = open_dataset(task.dataset, data, cache, may_fetch)
    card = registry.find("datasets", dataset_card_name(task.dataset, data)).public_name
    selection = Selection([each.metric for each in metrics], ask.limit)
    with attribute_errors(DataError, f"dataset {card}"):
        edited = with_repeats(dataset, ask.repeats, ask.num_edits)
        schedule = edited.schedule(ask.num_edits)
        checkpoints = selection.checkpoints(task, edited, schedule, ask.num_edits)
        digests = digests_of(dataset, ask.repeats, ask.num_edits)
    if sampling.noise == "upstream":
        refuse_unpublished_noise(card, dataset, checkpoints)
    spec = _spec(ask, task, _Data(card, dataset.card.version, digests), method, source.ref, sampling)
    if spec.limit is not None:
        schedule = with_checkpoints(schedule, {checkpoint.step.id for checkpoint in checkpoints})
    parts = _parts(ask, task, dataset, method, bundle, metrics, cache)
    parts.plugins = run_entries(spec, metrics, bundle.family.measures)
    return Plan(spec, parts, schedule, selection, checkpoints, schedule_conflicts(schedule))


@dataclass(frozen=True)
class _Data:
    """The identity of a run's data."""

    name: str  # of the card: one dataset may have several sources
    version: int
    digests: DataDigests


def _spec(ask: Ask, task: Task, data: _Data, method: ChosenMethod, model: ModelRef, sampling: Sampling) -> RunSpec:
    """Make the spec whose digest is the run's id."""
    return RunSpec(
        task=registry.find("tasks", ask.task).public_name,
        task_version=task.version,
        dataset=data.name,
        dataset_version=data.version,
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
    )


def data_of(named: str | None, dataset: str, source: Source) -> str | None:
    """Choose the source of a dataset's files: as named, else the embedded copy for the embedded model."""
    has_twin = dataset_card_name(dataset, EMBEDDED) != dataset
    return named or (EMBEDDED if source.family.name == "mini" and has_twin else None)


def _metrics(task: Task, asked: Sequence[str]) -> list[RegisteredMetric]:
    """Return the task's metrics and the additional ones, each once."""
    found: dict[str, RegisteredMetric] = {}
    for each in map(registered_metric, dict.fromkeys([*task.metrics, *asked])):
        standing = found.setdefault(each.metric.name, each)
        if standing.package != each.package:
            both = " and ".join(f"{one.package}/{one.metric.name}" for one in (standing, each))
            raise SpecError(f"metrics {both} share a name: a run can have one of them")
    return list(found.values())


def _parts(
    ask: Ask,
    task: Task,
    dataset: ConceptDataset,
    method: ChosenMethod,
    bundle: ModelBundle,
    metrics: Sequence[RegisteredMetric],
    cache: Path,
) -> Parts:
    """Collect the objects of the run; no weights are loaded."""
    images, elsewhere = ImageStore(cache), reference_images(dataset)
    return Parts(
        task=task,
        dataset=dataset,
        method=method,
        bundle=bundle,
        generator=Generator(images, Pace(cache)),
        scorer=Scorer(
            metrics=metrics,
            measures=measures([each.metric for each in metrics], bundle.family.measures, str(bundle.device)),
            measuring=Measuring(
                images,
                MeasuredStore(cache),
                bundle.device.type,
                {key: path for paths in elsewhere.values() for key, path in paths.items()},
                PassSize("images_per_pass", ask.execution.images_per_pass or CHUNK),
            ),
            references={name: tuple(paths) for name, paths in elsewhere.items()},
            reaches_dest=method.card.reaches_dest,
        ),
        edits=EditStore(cache),
        cache=cache,
        command=ask.command,
        execution=ask.execution,
    )


def reference_images(dataset: ConceptDataset) -> dict[str, dict[ImageKey, Path]]:
    """Return the dataset's reference images by side: digest of the file → path.

    Raises:
        DataError: a file cannot be read.
    """
    with attribute_errors(DataError, f"dataset {dataset.card.name}"):
        found = tuple(getattr(dataset, "references", lambda: ())())
    return {reference.name: {_digest(path): path for path in reference.paths} for reference in found}


def _digest(path: Path) -> ImageKey:
    with explain_reading(f"reference image {path}", DataError, WHOLE_IMAGES):
        return digest_file(path)


def _method(ask: Ask, task: Task, source: Source) -> ChosenMethod:
    chosen = with_recipe(ask.method, task.name, source, ask.settings, ask.recipe)
    refuse_kind(chosen.card, task.kind, f"task {task.name}")
    chosen.check(source.ref)
    return chosen


def _sampling(default: Sampling, changes: Mapping[str, Any]) -> Sampling:
    """Return the model's sampling with some fields changed."""
    fields = TypeAdapter(Sampling)
    known = fields.dump_python(default)
    for name in changes:
        if name not in known:
            raise SpecError(unknown("field of sampling", name, known))
    try:
        return fields.validate_python({**known, **changes})
    except ValidationError as error:
        raise SpecError(f"sampling {first_problem(error).removeprefix('sampling ')}") from error

"""From what was asked to what must be made: every check that costs nothing comes first, and nothing is made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iceb import registry
from iceb.base.errors import SpecError, StoreError
from iceb.base.files import write_atomic
from iceb.baselines.recipes import read_recipe, shipped_recipe
from iceb.catalogue import EMBEDDED, dataset_card_name, open_dataset
from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.models.sources import Source, find
from iceb.running.kinds import refuse_kind
from iceb.running.measuring import Measuring
from iceb.running.methods import ChosenMethod, choose
from iceb.running.parts import Parts
from iceb.running.planned import Plan
from iceb.specs.metrics import Measure, Metric
from iceb.specs.results import first_problem
from iceb.specs.runs import Dtype, RunSpec, Sampling, Scalar
from iceb.specs.tasks import Task
from iceb.stores import cache_root
from iceb.stores.edits import EditStore
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.pace import Pace
from iceb.stores.texts import TextStore

BATCH = 256  # pictures whose noise is prepared together


@dataclass(frozen=True)
class Ask:
    """What somebody asks for, in names; the command line's options, one to one."""

    task: str
    method: str
    num_edits: int
    model: str = "mini"  # a family, or a folder
    data: str | None = None  # "embedded", "upstream" or a folder; None: embedded on mini, upstream elsewhere
    settings: Mapping[str, Scalar] = field(default_factory=dict)  # --set
    recipe: Path | None = None  # None: the one that ships for this method and task
    sampling: Mapping[str, Any] = field(default_factory=dict)  # fields of Sampling that differ from the model's default
    limit: int | None = None  # prompts per role
    dtype: Dtype = "float32"
    device: str = "auto"
    batch_size: int | None = None
    cache: Path | None = None  # None: ICEB_CACHE, then ~/.cache/iceb
    command: tuple[str, ...] | None = None  # None: this process's own


def plan(ask: Ask) -> Plan:
    """Check everything that can be checked for nothing, and gather the parts of the run.

    Raises:
        IcebError: anything asked wrongly, missing or unwritable; the message says what and what to do.
    """
    task: Task = registry.load("tasks", ask.task)
    source = find(ask.model, ask.dtype)
    method = _method(ask, task, source)
    data = data_of(ask.data, source)
    spec = RunSpec(
        task=task.name,
        dataset=dataset_card_name(task.dataset, data),
        method=ask.method,
        params=method.params,
        num_edits=ask.num_edits,
        model=source.ref,
        sampling=_sampling(source.family.sampling, ask.sampling),
        limit=ask.limit,
    )
    parts = _parts(ask, task, method, source, data)
    parts.batches(spec.num_edits)  # more than there are is refused here
    return Plan(spec, parts)


def data_of(named: str | None, source: Source) -> str | None:
    """Where a dataset's files come from: what was named; else embedded for the embedded model, None for others."""
    return named or (EMBEDDED if source.family.name == "mini" else None)


def _parts(ask: Ask, task: Task, method: ChosenMethod, source: Source, data: str | None) -> Parts:
    """The objects of the run; the model's weights are not loaded."""
    metrics: list[Metric] = [registry.load("metrics", name) for name in task.metrics]
    bundle = ModelBundle(source, ask.device)
    batch_size = _batch_size(ask.batch_size)
    cache = writable(cache_root(ask.cache))
    images, spread_out = ImageStore(cache), bundle.device.type == "cpu"
    return Parts(
        task=task,
        dataset=open_dataset(task.dataset, data, cache),
        method=method,
        bundle=bundle,
        generator=Generator(images, batch_size, Pace(cache), TextStore(cache)),
        metrics=metrics,
        measures=measures(metrics, source.family.measures, str(bundle.device)),
        measuring=Measuring(images, MeasuredStore(cache), spread_out),
        edits=EditStore(cache),
        cache=cache,
        limit=ask.limit,
        command=ask.command,
    )


def _method(ask: Ask, task: Task, source: Source) -> ChosenMethod:
    chosen = with_recipe(ask.method, task.name, source, ask.settings, ask.recipe)
    refuse_kind(chosen.card, task.kind, f"task {task.name}")
    chosen.check(source.ref)
    return chosen


def with_recipe(
    name: str, task: str, source: Source, settings: Mapping[str, Scalar], file: Path | None
) -> ChosenMethod:
    """A method with its recipe for a task on a model, and single settings over that.

    Args:
        file: the recipe to take instead of the one that ships; None for that one.

    Raises:
        SpecError, MethodError: no such method or setting, or the recipe's file cannot be read.
    """
    entry = registry.find("methods", name)
    shipped = shipped_recipe(entry.name, task)
    recipe = read_recipe(file) if file else shipped
    named = file.name if file else f"{entry.name}/{task}" if recipe else ""
    own, base = (each.settings(source.family.recipe_part) if each else {} for each in (recipe, shipped))
    return choose(name, {**own, **settings}, named).against(base)


def _sampling(default: Sampling, changes: Mapping[str, Any]) -> Sampling:
    """The model's sampling with some fields changed, each of its own type."""
    fields = TypeAdapter(Sampling)
    known = fields.dump_python(default)
    for name in changes:
        if name not in known:
            raise SpecError(registry.unknown("field of sampling", name, known))
    try:
        return fields.validate_python({**known, **changes})
    except ValidationError as error:
        raise SpecError(f"sampling {first_problem(error)}") from error


def _batch_size(asked: int | None) -> int:
    if asked is not None and asked < 1:
        raise SpecError(f"--batch-size {asked}: must be at least 1")
    return asked or BATCH


def measures(metrics: Sequence[Metric], named: Mapping[str, str], device: str) -> dict[str, Measure]:
    """The measure that stands for each kind the metrics read, on this family of models.

    Raises:
        SpecError: the family names none for a kind, or one that is not registered.
    """
    return {kind: _measure(kind, named, device) for kind in dict.fromkeys(metric.measure for metric in metrics)}


def _measure(kind: str, named: Mapping[str, str], device: str) -> Measure:
    if kind not in named:
        known = ", ".join(named) or "none"
        raise SpecError(f"this model names no measure of kind {kind!r} (it has: {known}): name one in its iceb.json")
    made: Measure = registry.load("measures", named[kind])(device=device)
    if made.pairs:
        raise SpecError(f"measure {made.id} reads pairs of pictures, which this version cannot measure")
    return made


def writable(cache: Path) -> Path:
    """The cache's folder, after a file was written there.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        write_atomic(cache / "CACHEDIR.TAG", CACHE_TAG)
    except StoreError as error:
        raise StoreError(f"the cache cannot be used: {error}") from error
    return cache


# The sign by which backup programs know a folder that can be made again (bford.info/cachedir).
CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by iceb: pictures, edits and numbers by content.\n"

"""Make an edit as `evaluate` does and export it to a folder (`iceb edit`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iceb import registry
from iceb.base.cache import cache_root, require_writable
from iceb.base.digest import digest_tensor
from iceb.base.errors import SpecError
from iceb.base.files import new_folder, write_atomic
from iceb.base.wording import count_text
from iceb.datasets import open_dataset
from iceb.datasets.conflicts import conflict_lines, request_conflicts
from iceb.delivery.delta import write_delta
from iceb.models.bundle import ModelBundle, edited_digest
from iceb.models.exporting import weight_digests, weights_digest
from iceb.models.opening import open_model
from iceb.models.sources import Source, find
from iceb.models.threads import worker_threads
from iceb.running.given_method import GivenMethod
from iceb.running.method_runner import ChosenMethod
from iceb.running.recipe_settings import with_recipe
from iceb.running.request_kinds import refuse_kind, refuse_requests
from iceb.running.task_data import OWN_RECIPE, data_of
from iceb.runs.provenance import Origin
from iceb.specs.checks import check_int
from iceb.specs.deltas import MANIFEST, BaseRecord, DeltaRecord, EditedRecord, Form, Manifest
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import MethodCard
from iceb.specs.requests import EditRequest
from iceb.specs.runs import MOST_COUNTED, Dtype, Scalar
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore, MadeEdit


@dataclass(frozen=True)
class EditAsk:
    """An edit as requested by name; the fields are the options of `iceb edit`.

    Either `task` and `num_edits` name the requests, or `requests` are somebody's own and `task` names only the recipe.
    """

    method: GivenMethod  # its name; or a class, or an object with its settings
    task: str | None = None
    num_edits: int | None = None
    requests: tuple[EditRequest, ...] = ()
    model: str = "mini"
    data: str | None = None
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    recipe: str | Path | None = None
    dtype: Dtype = "float32"
    execution: Execution = DEFAULT
    cache: Path | None = None
    form: Form = "full"
    command: tuple[str, ...] | None = None  # None: this process's own

    def __post_init__(self) -> None:
        if self.num_edits is not None:
            check_int(self.num_edits, "`num_edits`", 1, MOST_COUNTED)


@dataclass(frozen=True)
class Order:
    """A checked edit that can be made."""

    ask: EditAsk
    method: ChosenMethod
    bundle: ModelBundle
    requests: tuple[EditRequest, ...]
    cache: Path

    @property
    def is_made(self) -> bool:
        """Whether the edit is in the cache."""
        return EditStore(self.cache).has(self.method.key(self.bundle, self.requests, self.ask.execution.precision))

    @property
    def task(self) -> str | None:
        """The task of the requests; None for the user's own."""
        return None if self.ask.requests else self.ask.task

    def lines(self) -> list[str]:
        """Describe in lines of text what will be done."""
        count = count_text(len(self.requests), "request")
        return [
            f"{self.method.card.name}: {count} of {self.task or 'your own'}, {self.method.origin}",
            f"model {self.bundle.ref.family} ({self.bundle.ref.repo}, {self.bundle.ref.dtype}) on {self.bundle.device}",
            f"edit: {'in the cache' if self.is_made else 'to be made'}",
            *(f"note: {line}" for line in self.method.advice(self.bundle.ref)),
            *(f"warning: {line}" for line in conflict_lines(request_conflicts(self.requests))),
        ]


def order(ask: EditAsk) -> Order:
    """Check an edit before any weight is loaded.

    Raises:
        IcebError: anything asked wrongly, or missing; the message says what and what to do.
    """
    source = find(ask.model, ask.dtype)
    cache = cache_root(ask.cache)
    named = registry.find("tasks", ask.task or OWN_RECIPE).name
    count = len(ask.requests) or ask.num_edits
    method = with_recipe(ask.method, named, source, ask.settings, ask.recipe, count)
    requests = ask.requests or _of_task(ask, source, cache)
    _refuse_kinds(ask, method.card, requests)
    method.check(source.ref)
    return Order(ask, method, open_model(source, ask.execution.device, ask.execution.images_per_pass), requests, cache)


def _of_task(ask: EditAsk, source: Source, cache: Path) -> tuple[EditRequest, ...]:
    """Return the requests that the task edits together."""
    if ask.task is None or ask.num_edits is None:
        raise SpecError("nothing to edit: give `task` and `num_edits`, or `requests`")
    task: Task = registry.load("tasks", ask.task)
    dataset = open_dataset(task.dataset, data_of(ask.data, task.dataset, source), cache)
    batches = edit_batches(dataset.schedule(ask.num_edits))
    if len(batches) != 1:
        raise SpecError(f"task {ask.task} makes {len(batches)} separate edits: save one of them with `requests`")
    return batches[0].requests


def _refuse_kinds(ask: EditAsk, card: MethodCard, requests: Sequence[EditRequest]) -> None:
    """Refuse unsupported kinds: those that the task declares, or the user's destinations imply."""
    if ask.requests or ask.task is None:
        refuse_requests(card, requests)
    else:
        refuse_kind(card, registry.load("tasks", ask.task).kind, f"task {ask.task}")


def save(order: Order, out: Path) -> Manifest:
    """Make the edit, or take it from the store, and write it to `out`, completely or not at all.

    Raises:
        IcebError: the method or the model failed, or `out` or the cache cannot be written; or `out` exists already.
    """
    origin, execution = Origin.now(order.bundle.device, order.ask.command), order.ask.execution
    if not order.is_made:
        require_writable(order.cache)
    with new_folder(out) as folder:
        with worker_threads(execution.workers):
            made = order.method.get_or_make_edit(
                order.bundle, order.requests, EditStore(order.cache), order.cache, execution
            )
        delta = write_delta(folder, made.edit, order.ask.form, order.bundle.parameter)
        manifest = _manifest(order, made, delta, origin)
        write_atomic(folder / MANIFEST, manifest.to_json().encode())
    return manifest


def _manifest(order: Order, made: MadeEdit, delta: DeltaRecord | None, origin: Origin) -> Manifest:
    before = weight_digests(order.bundle)
    changed = {name: digest_tensor(value) for name, value in made.edit.weights.items()}
    after = {**before, **changed}
    return Manifest(
        method=order.method.record,
        task=order.task,
        requests=order.requests,
        base=_base(order.bundle, weights_digest(before)),
        edited=EditedRecord(digest=edited_digest(order.bundle.digest, changed), weights=weights_digest(after)),
        delta=delta,
        rewrites=made.edit.rewrites,
        negative_prompt=made.edit.negative_prompt,
        log=made.edit.log,
        edit_seconds=made.seconds,
        provenance=origin.to_provenance(),
    )


def _base(bundle: ModelBundle, weights: str) -> BaseRecord:
    ref = bundle.ref
    return BaseRecord(
        family=ref.family,
        repo=ref.repo,
        revision=ref.revision,
        dtype=ref.dtype,
        digest=bundle.digest,
        weights=weights,
    )

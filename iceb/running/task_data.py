"""A task with its data at one number of edits: what is edited, drawn and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iceb import registry
from iceb.base.errors import DataError, SpecError
from iceb.base.frames import attribute_errors
from iceb.datasets import EMBEDDED, dataset_card_name, open_dataset
from iceb.datasets.counts import refused_counts
from iceb.datasets.own_requests import OwnDataset, OwnRequests
from iceb.datasets.repeated import digests_of, with_repeats
from iceb.models.sources import Source
from iceb.running.joining import JoinedDataset, JoinedTask, extend_task, join_task, with_joined
from iceb.running.own_task import OWN_TASK
from iceb.running.prompt_selection import CheckpointPrompts, Selection
from iceb.running.scoring import RegisteredMetric, registered_metric
from iceb.running.subsample import why_biased
from iceb.specs.data_digests import DataDigests
from iceb.specs.datasets import ConceptDataset
from iceb.specs.outside import OWN
from iceb.specs.repeats import Repeats
from iceb.specs.requests import shared_clusters
from iceb.specs.schedules import Schedule, edit_batches, with_checkpoints
from iceb.specs.tasks import Task

OWN_RECIPE = "aice"  # the task whose recipe is used for a user's own requests


class DataAsk(Protocol):
    """The part of what is asked that chooses the data."""

    @property
    def task(self) -> str:
        """The registered task."""

    @property
    def own(self) -> OwnRequests | None:
        """A user's own requests, in the place of the task's."""

    @property
    def num_edits(self) -> int:
        """The number of concepts that are edited together."""

    @property
    def repeats(self) -> Repeats:
        """The repetitions of the edit."""

    @property
    def data(self) -> str | None:
        """The source of the dataset's files."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics beside the task's own."""

    @property
    def with_tasks(self) -> tuple[str, ...]:
        """The tasks whose shared prompts and metrics are added."""

    @property
    def limit(self) -> int | None:
        """The number of prompts per role."""

    @property
    def share(self) -> float | None:
        """The part of the prompts that is drawn at random."""


@dataclass(frozen=True)
class TaskData:
    """A task's data at a number of edits.

    Attributes:
        name: the task's registered name, with its package where it is not ours.
        card: the data card's, likewise: one task may have several sources.
        digests: of what is edited and of what may be drawn.
    """

    name: str
    card: str
    task: Task
    dataset: ConceptDataset
    metrics: tuple[RegisteredMetric, ...]
    selection: Selection
    schedule: Schedule
    checkpoints: tuple[CheckpointPrompts, ...]
    digests: DataDigests

    @property
    def clusters(self) -> Mapping[str, str]:
        """Clusters that several concepts of the task share, by concept."""
        requests = [request for batch in edit_batches(self.schedule) for request in batch.requests]
        return shared_clusters(self.task.cluster, requests)


def task_of(ask: DataAsk) -> Task:
    """The task that is asked for, or that of a user's own requests.

    Raises:
        SpecError: there is no such task.
    """
    if ask.own is not None:
        return OWN_TASK
    task: Task = registry.load("tasks", ask.task)
    return task


def read_task(ask: DataAsk, task: Task, source: Source, cache: Path, may_fetch: bool = True) -> TaskData:
    """Open a task's data, and choose the prompts that its metrics read.

    Raises:
        IcebError: no such metric, or files that are missing or damaged.
    """
    mini = source.family.name == "mini"
    joined = [join_task(name, ask.num_edits, mini, ask.data, cache, may_fetch) for name in ask.with_tasks]
    task = extend_task(task, joined)
    if ask.own is not None:
        return choose_prompts(OWN, OWN, task, OwnDataset(ask.own), joined, ask)
    data = data_of(ask.data, task.dataset, source)
    dataset = open_dataset(task.dataset, data, cache, may_fetch)
    card = registry.find("datasets", dataset_card_name(task.dataset, data)).public_name
    return choose_prompts(registry.find("tasks", ask.task).public_name, card, task, dataset, joined, ask)


def choose_prompts(
    name: str,
    card: str,
    task: Task,
    dataset: ConceptDataset,
    joined: Sequence[JoinedTask],
    ask: DataAsk,
) -> TaskData:
    """Gather the schedule, the prompts of its checkpoints, and the digests of both."""
    metrics = find_metrics(task, ask.metrics)
    if ask.share is not None:
        metrics = unbiased_metrics(task, metrics, ask.metrics)
    selection = Selection([each.metric for each in metrics], ask.limit, ask.share)
    with attribute_errors(DataError, f"dataset {card}"):
        with refused_counts():
            edited: ConceptDataset = with_repeats(dataset, ask.repeats, ask.num_edits)
            edited = JoinedDataset(edited, joined) if joined else edited
            schedule = edited.schedule(ask.num_edits)
        checkpoints = selection.checkpoints(task, edited, schedule, ask.num_edits)
        digests = with_joined(digests_of(dataset, ask.repeats, ask.num_edits), joined, schedule)
    if ask.limit is not None or ask.share is not None:
        schedule = with_checkpoints(schedule, {checkpoint.step.id for checkpoint in checkpoints})
    return TaskData(name, card, task, dataset, tuple(metrics), selection, schedule, checkpoints, digests)


def unbiased_metrics(task: Task, metrics: Sequence[RegisteredMetric], asked: Sequence[str]) -> list[RegisteredMetric]:
    """Return the metrics that a random part of the prompts estimates without bias.

    Args:
        asked: those that were named beside the task's own.

    Raises:
        SpecError: the headline is none of them, or one that was named is none.
    """
    for each in metrics:
        why = why_biased(each.metric.reduction)
        if why and each.metric.name in {name.rpartition("/")[2] for name in (task.headline, *asked)}:
            raise SpecError(
                f"`share`: {each.metric.name} of task {task.name} is no mean over concepts but {why}: a part of them "
                "gives a biased estimate; leave `share` out, or use `limit` for a first look"
            )
    return [each for each in metrics if not why_biased(each.metric.reduction)]


def data_of(named: str | None, dataset: str, source: Source) -> str | None:
    """Choose the source of a dataset's files: as named, else the embedded copy for the embedded model."""
    has_twin = dataset_card_name(dataset, EMBEDDED) != dataset
    return named or (EMBEDDED if source.family.name == "mini" and has_twin else None)


def find_metrics(task: Task, asked: Sequence[str]) -> list[RegisteredMetric]:
    """Return the task's metrics and the additional ones, each once.

    Raises:
        SpecError: there is none of a name, or two of them share one.
    """
    found: dict[str, RegisteredMetric] = {}
    for each in map(registered_metric, dict.fromkeys([*task.metrics, *asked])):
        standing = found.setdefault(each.metric.name, each)
        if standing.package != each.package:
            both = " and ".join(f"{one.package}/{one.metric.name}" for one in (standing, each))
            raise SpecError(f"metrics {both} share a name: a run can have one of them")
    return list(found.values())

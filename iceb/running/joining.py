"""Join another task's shared prompts and metrics to a run.

A run with joined tasks is another one than the run without, and so is one with another number of their prompts: the
digest of all prompts is in its id. Leaderboards, whose rows have a task's own prompts, take the run without.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.datasets import EMBEDDED, dataset_card_name, open_dataset
from iceb.datasets.counts import refused_counts
from iceb.running.scoring import registered_metric
from iceb.specs.data_digests import DataDigests
from iceb.specs.datasets import ConceptDataset, DataCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Remove, Schedule, edit_batches
from iceb.specs.tasks import Task

ASKED = re.compile(r"(?P<task>[^=]+)(=(?P<count>[1-9][0-9]*))?")  # "preservation", "preservation=1000"

Around: TypeAlias = Callable[[Sequence[EditRequest]], Sequence[Prompt]]  # prompts by what is edited


@dataclass(frozen=True)
class JoinedTask:
    """A task's addition to another's run.

    Attributes:
        task: its registered name.
        prompts: its shared prompts, or the first of them.
        metrics: registered names of those of its metrics that read nothing else.
        around: its prompts where they depend on the sources that are edited; None where they do not.
    """

    task: str
    prompts: tuple[Prompt, ...]
    metrics: tuple[str, ...]
    around: Around | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of its prompts."""
        return tuple(dict.fromkeys(prompt.role for prompt in self.prompts))

    def own_prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts that depend on what a batch edits, as many; each keeps the concept that it shows."""
        if self.around is None:
            return []
        found = self.around(batch.requests)[: len(self.prompts)]
        return [replace(prompt, concept=prompt.cluster) for prompt in found]


def join_task(asked: str, num_edits: int, mini: bool, data: str | None, cache: Path, may_fetch: bool) -> JoinedTask:
    """Open a task by name for joining it.

    Args:
        asked: the task's name, with the number of its prompts if not all: "preservation=1000".
        mini: whether the model is the embedded one, for which embedded data are the default.
        data: the run's own source; a folder of its files says nothing about those of another task.

    Raises:
        SpecError: it is not written so, there is no such task, or no metric of it reads shared prompts alone.
        DataError: its files are not there or are malformed.
    """
    found = ASKED.fullmatch(asked)
    if found is None:
        raise SpecError(f"`with_tasks` {quote(asked, 80)}: must be a task, or TASK=COUNT as in preservation=1000")
    task: Task = registry.load("tasks", found["task"])
    dataset = open_dataset(task.dataset, _source(task, mini, data), cache, may_fetch)
    with refused_counts():
        prompts = tuple(dataset.shared_prompts(num_edits))
    count = int(found["count"]) if found["count"] else len(prompts)
    if count > len(prompts):
        raise SpecError(
            f"`with_tasks` {quote(asked, 80)}: task {task.name} has {len(prompts)} shared prompts: ask for fewer"
        )
    around: Around | None = getattr(dataset, "prompts_around", None)
    joined = JoinedTask(task.name, prompts[:count], (), around)
    fitting = tuple(name for name in task.metrics if _reads_only(name, joined.roles))
    if not fitting:
        raise SpecError(f"`with_tasks` {quote(asked, 80)}: no metric of task {task.name} reads shared prompts alone")
    return replace(joined, metrics=fitting)


def _source(task: Task, mini: bool, data: str | None) -> str | None:
    """Choose the source of the joined task's files."""
    if data in (EMBEDDED, "upstream"):
        return data
    return EMBEDDED if mini and dataset_card_name(task.dataset, EMBEDDED) != task.dataset else None


def _reads_only(metric: str, roles: Sequence[str]) -> bool:
    return all(need.role in roles for need in registered_metric(metric).metric.needs)


def extend_task(task: Task, joined: Sequence[JoinedTask]) -> Task:
    """Return a task with the roles and metrics of the joined ones; what ranks stays.

    Raises:
        SpecError: both have a role, so that metrics would read the other's prompts.
    """
    owners = dict.fromkeys(task.roles, task.name)
    for each in joined:
        if shared := [role for role in each.roles if role in owners]:
            owner = owners[shared[0]]
            raise SpecError(
                f"`with_tasks` {each.task}: task {owner} has the role {shared[0]} itself: run it on its own"
            )
        owners.update(dict.fromkeys(each.roles, each.task))
    roles = [role for each in joined for role in each.roles]
    metrics = [name for each in joined for name in each.metrics]
    return replace(task, roles=(*task.roles, *roles), metrics=tuple(dict.fromkeys((*task.metrics, *metrics))))


def with_joined(digests: DataDigests, joined: Sequence[JoinedTask], schedule: Schedule) -> DataDigests:
    """The digests of a run's data with the joined prompts among them, where there are some."""
    if not joined:
        return digests
    batches = [batch for batch in edit_batches(schedule) if batch.replicate == 0]
    prompts: list[object] = []
    for each in joined:
        found: list[Sequence[Prompt]] = [each.prompts]
        if each.around:
            found = [each.own_prompts(batch) for batch in batches]
        prompts.append([each.task, *([asdict(prompt) for prompt in some] for some in found)])
    return replace(digests, prompts=digest([digests.prompts, prompts]))


def refuse_shared_states(schedule: Schedule, joined: Sequence[JoinedTask]) -> None:
    """Refuse prompts that depend on what is edited where a model holds several batches.

    Raises:
        SpecError: as it says.
    """
    dependent = [each.task for each in joined if each.around]
    active: list[str] = []
    for step in schedule:
        if isinstance(step, Add):
            active.append(step.batch.id)
        elif isinstance(step, Remove):
            active.remove(step.batch)
        elif dependent and (len(active) != 1 or (step.batches and list(step.batches) != active)):
            raise SpecError(
                f"`with_tasks` {dependent[0]}: checkpoint {step.id} judges a model with {len(active)} batches; the "
                "joined prompts are told apart by what one batch edits: run the task on its own"
            )


class JoinedDataset:
    """A dataset with the prompts of joined tasks behind its own: shared, or of what a batch edits."""

    def __init__(self, dataset: ConceptDataset, joined: Sequence[JoinedTask]) -> None:
        self.card: DataCard = dataset.card
        self._dataset, self._joined = dataset, joined

    def schedule(self, num_edits: int) -> Schedule:
        """The dataset's own schedule.

        Raises:
            SpecError: as `refuse_shared_states`.
        """
        found = self._dataset.schedule(num_edits)
        refuse_shared_states(found, self._joined)
        return found

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        """The dataset's own prompts of a batch, then those of the joined tasks that depend on what it edits."""
        others = [prompt for each in self._joined for prompt in each.own_prompts(batch)]
        return [*self._dataset.prompts(batch), *others]

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        """The dataset's own shared prompts, then those of the joined tasks."""
        others = [prompt for each in self._joined if not each.around for prompt in each.prompts]
        return [*self._dataset.shared_prompts(num_edits), *others]

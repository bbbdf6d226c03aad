"""Join another task to a run: its shared prompts are drawn as well, its metrics computed as well.

A run with joined tasks is another one than the run without, and so is one with another number of their prompts: the
digest of all prompts is in its id. Leaderboards, whose rows have a task's own prompts, take the run without.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.datasets import EMBEDDED, dataset_card_name, open_dataset
from iceb.running.scoring import registered_metric
from iceb.specs.data_digests import DataDigests
from iceb.specs.datasets import ConceptDataset, DataCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.schedules import Schedule
from iceb.specs.tasks import Task

ASKED = re.compile(r"(?P<task>[^=]+)(=(?P<count>[1-9][0-9]*))?")  # "preservation", "preservation=1000"


@dataclass(frozen=True)
class JoinedTask:
    """A task's addition to another's run.

    Attributes:
        task: its registered name.
        prompts: its shared prompts, or the first of them.
        metrics: registered names of those of its metrics that read nothing else.
    """

    task: str
    prompts: tuple[Prompt, ...]
    metrics: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of its prompts."""
        return tuple(dict.fromkeys(prompt.role for prompt in self.prompts))


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
    prompts = tuple(dataset.shared_prompts(num_edits))
    count = int(found["count"]) if found["count"] else len(prompts)
    if count > len(prompts):
        raise SpecError(
            f"`with_tasks` {quote(asked, 80)}: task {task.name} has {len(prompts)} shared prompts: ask for fewer"
        )
    joined = JoinedTask(task.name, prompts[:count], ())
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


def with_joined(digests: DataDigests, joined: Sequence[JoinedTask]) -> DataDigests:
    """The digests of a run's data with the joined prompts among them, where there are some."""
    if not joined:
        return digests
    prompts = [[each.task, [asdict(prompt) for prompt in each.prompts]] for each in joined]
    return replace(digests, prompts=digest([digests.prompts, prompts]))


class JoinedDataset:
    """A dataset with the shared prompts of joined tasks behind its own."""

    def __init__(self, dataset: ConceptDataset, joined: Sequence[JoinedTask]) -> None:
        self.card: DataCard = dataset.card
        self._dataset, self._joined = dataset, joined

    def schedule(self, num_edits: int) -> Schedule:
        """The dataset's own schedule."""
        return self._dataset.schedule(num_edits)

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        """The dataset's own prompts of a batch."""
        return self._dataset.prompts(batch)

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        """The dataset's own shared prompts, then those of the joined tasks."""
        others = [prompt for each in self._joined for prompt in each.prompts]
        return [*self._dataset.shared_prompts(num_edits), *others]

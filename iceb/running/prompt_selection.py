"""Select the prompts that a run draws, at which checkpoints and on which sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from iceb.base.errors import DataError, SpecError
from iceb.running.subsample import draw_share
from iceb.specs.datasets import ConceptDataset
from iceb.specs.metrics import AFTER, BEFORE, Metric
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.schedules import Checkpoint, Schedule, judged_batches
from iceb.specs.tasks import Task


@dataclass(frozen=True)
class CheckpointPrompts:
    """A checkpoint, the batches it judges, and the prompts it draws."""

    step: Checkpoint
    batches: tuple[EditBatch, ...]
    prompts: tuple[Prompt, ...]


class Selection:
    """Selection of the prompts that some metric reads; the others are not drawn.

    Args:
        metrics: what the run computes.
        limit: prompts per role, taken evenly over what metrics read of it and over concepts; None: all of them.
        share: the part of them that is drawn at random; None: all of them.
    """

    def __init__(self, metrics: Sequence[Metric], limit: int | None = None, share: float | None = None) -> None:
        self.metrics = metrics
        self.needs = [need for metric in metrics for need in metric.needs]
        self.limit, self.share = limit, share

    def sides(self, prompt: Prompt) -> frozenset[str]:
        """Return the sides on which some metric reads a prompt's image."""
        read = {side for need in self.needs if need.accepts(prompt) for side in need.sides}
        return frozenset(read & {BEFORE, AFTER})

    def checkpoints(
        self, task: Task, dataset: ConceptDataset, schedule: Schedule, num_edits: int
    ) -> tuple[CheckpointPrompts, ...]:
        """List the prompts of each checkpoint, without those that lose all their own to the limit.

        Raises:
            SpecError: the schedule is not sound, or a share of it gives biased estimates.
            DataError: the dataset gives a prompt of a role that the task does not declare.
        """
        judged = judged_batches(schedule)
        shared = [prompt for prompt in dataset.shared_prompts(num_edits) if self.sides(prompt)]
        batches = {batch.id: batch for some in judged.values() for batch in some}
        own = {name: self._of(dataset, batch) for name, batch in batches.items()}
        check_roles(task, dataset, [*shared, *(prompt for prompts in own.values() for prompt in prompts)])
        owned = [*(("", prompt) for prompt in shared), *((b, p) for b, ps in own.items() for p in ps)]
        units = {name: batches[name].concept or name for name, prompts in own.items() if prompts}
        kept = self._keep(owned, units)
        steps = [step for step in schedule if isinstance(step, Checkpoint)]
        lost = {name for name, prompts in own.items() if prompts and name not in kept}
        drawn = [step for step in steps if not judged[step.id] or {batch.id for batch in judged[step.id]} - lost]
        return tuple(
            CheckpointPrompts(step, judged[step.id], self._prompts(kept, judged[step.id])) for step in drawn or steps
        )

    def _of(self, dataset: ConceptDataset, batch: EditBatch) -> list[Prompt]:
        """Return a batch's prompts; those that name no concept take the batch's."""
        prompts = [prompt for prompt in dataset.prompts(batch) if self.sides(prompt)]
        if batch.concept is None:
            return prompts
        return [replace(p, concept=batch.concept) if p.concept is None else p for p in prompts]

    def _keep(self, owned: Sequence[tuple[str, Prompt]], units: Mapping[str, str]) -> dict[str, list[Prompt]]:
        """Apply the limit, or draw the share; return each owner's remaining prompts."""
        kept: dict[str, list[Prompt]] = {}
        if self.share is None:
            places = self._places([prompt for _, prompt in owned])
        else:
            places = draw_share(owned, units, self.metrics, self.share)
        for place in places:
            owner, prompt = owned[place]
            kept.setdefault(owner, []).append(prompt)
        return kept

    def _places(self, prompts: Sequence[Prompt]) -> list[int]:
        if self.limit is None:
            return list(range(len(prompts)))
        chosen: list[int] = []
        for role in dict.fromkeys(prompt.role for prompt in prompts):
            alike: dict[tuple[bool, ...], list[int]] = {}  # which needs read a prompt → indices of prompts
            for place, prompt in enumerate(prompts):
                if prompt.role == role:
                    alike.setdefault(tuple(need.accepts(prompt) for need in self.needs), []).append(place)
            for places, count in zip(alike.values(), shares([*map(len, alike.values())], self.limit), strict=True):
                chosen += [places[index] for index in evenly([prompts[place].cluster for place in places], count)]
        return sorted(chosen)

    @staticmethod
    def _prompts(kept: dict[str, list[Prompt]], batches: Sequence[EditBatch]) -> tuple[Prompt, ...]:
        own = [prompt for batch in batches for prompt in kept.get(batch.id, [])]
        return (*own, *kept.get("", []))


def refuse_unpublished_noise(name: str, dataset: ConceptDataset, checkpoints: Sequence[CheckpointPrompts]) -> None:
    """Refuse the published noise if no prompt says how it was drawn.

    Raises:
        SpecError: as it says.
    """
    prompts = (prompt for checkpoint in checkpoints for prompt in checkpoint.prompts)
    if not hasattr(dataset, "prepare") and all(prompt.noise is None for prompt in prompts):
        raise SpecError(
            f"`noise=upstream`: no prompt of dataset {name} says how its published image was drawn (Prompt.noise), so "
            "it would change the run's name and no image: use `noise=per_image`"
        )


def check_roles(task: Task, dataset: ConceptDataset, prompts: Sequence[Prompt]) -> None:
    """Refuse prompts of a role that the task does not declare.

    Raises:
        DataError: as it says.
    """
    unknown = sorted({prompt.role for prompt in prompts} - set(task.roles))
    if unknown:
        raise DataError(
            f"dataset {dataset.card.name} has prompts of role {unknown[0]!r}, which task {task.name} does not declare: "
            f"its roles are {', '.join(task.roles)}"
        )


def shares(sizes: Sequence[int], count: int) -> list[int]:
    """Split `count` over groups in proportion to their sizes, with at least one of each if that fits.

    >>> shares([1068, 30], 20), shares([500, 500], 20), shares([5, 3], 20), shares([9, 9], 1)
    ([19, 1], [10, 10], [5, 3], [1, 0])
    """
    taken = [0] * len(sizes)
    for _ in range(min(count, sum(sizes))):
        open_ = [place for place, size in enumerate(sizes) if taken[place] < size]
        place = max(open_, key=lambda place: (taken[place] == 0, sizes[place] / (2 * taken[place] + 1), -place))
        taken[place] += 1
    return taken


def evenly(concepts: Sequence[str], count: int) -> list[int]:
    """Choose the indices of at most `count` items, evenly over concepts, given the concept of each item.

    With more concepts than places, evenly spaced concepts give one item each: the first its first item, the second its
    second, and so on around. With fewer, every concept gives its first item, then its second, until all are taken.

    >>> evenly(["ant", "ant", "bee", "bee", "cat", "cat", "dog", "dog"], 2)
    [0, 5]
    >>> evenly(["ant", "ant", "bee", "bee"], 3)
    [0, 1, 2]
    """
    places: dict[str, list[int]] = {}
    for place, concept in enumerate(concepts):
        places.setdefault(concept, []).append(place)
    own = list(places.values())
    if len(own) >= count:
        picked = [own[index * len(own) // count] for index in range(count)]
        return [items[index % len(items)] for index, items in enumerate(picked)]
    turns = max((len(items) for items in own), default=0)
    return sorted([items[turn] for turn in range(turns) for items in own if turn < len(items)][:count])

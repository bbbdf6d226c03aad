"""Find edits that changed none of their own images, and refuse a run in which no edit changed one.

A control that by definition does nothing says so: its card has `edits: nothing` and touches no parameter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from iceb.base.errors import DataError, MethodError
from iceb.base.wording import count_text
from iceb.running.prompt_selection import CheckpointPrompts
from iceb.running.result_record import EditCost
from iceb.runs.ledger import ImageRow
from iceb.specs.effects import EffectsRecord, named_sources
from iceb.specs.methods import MethodCard
from iceb.specs.tasks import Task
from iceb.stores.images import ImageStore

NOTHING = "nothing"  # what the card of such a control says that it edits
SOURCE_ROLES = ("source", "train")  # of a task that declares no `edited_roles`


@dataclass
class Effects:
    """The images of what each batch edits, compared up to the first that differs.

    Attributes:
        sources: of the batches that could be judged, by id.
        same: batch → number of its images, of those that changed none.
    """

    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)

    @property
    def record(self) -> EffectsRecord | None:
        """The record for a result; None where no batch could be judged."""
        if not self.sources:
            return None
        return EffectsRecord(edits=len(self.sources), unchanged={batch: self.sources[batch] for batch in self.same})

    @property
    def none(self) -> bool:
        """Whether no edit had an effect."""
        return 0 < len(self.sources) == len(self.same)

    @property
    def in_words(self) -> str:
        """The sources and the number of their images, for messages."""
        named = named_sources(self.sources[batch] for batch in self.same)
        return f"({named}): all {sum(self.same.values())} are the same before and after, byte by byte"


def find_effects(
    task: Task, checkpoints: Sequence[CheckpointPrompts], rows: Sequence[ImageRow], images: ImageStore
) -> Effects:
    """Compare the images of what each batch edits before and after, at the checkpoints that judge it.

    A batch of which an image is lost is not judged, unless another differs: that proves neither.

    Args:
        task: says which prompts an edit is meant for.
        checkpoints: with the batches that each judges.
        rows: all prompts of the run with their images.
    """
    judged = {each.step.id: each.batches for each in checkpoints}
    batches = {batch.id: batch for found in judged.values() for batch in found}
    requests = {name: {request.id for request in batch.requests} for name, batch in batches.items()}
    pairs: dict[str, list[tuple[str, str]]] = {}
    for row in _edited_rows(task, rows):
        request = row.prompt.request
        for batch in judged.get(row.checkpoint, ()):
            if row.before and row.after and (request is None or request in requests[batch.id]):
                pairs.setdefault(batch.id, []).append((row.before, row.after))
    effects = Effects()
    for name, compared in pairs.items():
        differs = _differ_anywhere(images, compared)
        if differs is not None:
            effects.sources[name] = tuple(request.source for request in batches[name].requests)
        if differs is False:
            effects.same[name] = len(compared)
    return effects


def refuse_no_effect(card: MethodCard, edits: Sequence[EditCost], effects: Effects) -> EffectsRecord | None:
    """Refuse a run in which no edit had an effect; else return the record of the edits without one.

    Args:
        edits: what was made of them.

    Raises:
        MethodError: every image of what was edited is the same, byte by byte.
    """
    if card.edits == NOTHING and not card.touches:
        return None
    if effects.none:
        raise MethodError(
            f"method {card.name} changed no image of its sources {effects.in_words}; {_what_did_not_match(edits)}"
        )
    return effects.record


def refuse_same_images(effects: Effects) -> EffectsRecord | None:
    """Refuse handed-in images if no edit changed any of its own images; else return the record.

    Raises:
        DataError: every image of what was edited is the same, byte by byte.
    """
    if effects.none:
        raise DataError(
            f"`images`: no image of what was edited has changed {effects.in_words}: nothing was edited, or one side's "
            "images stand on both; the unedited model's own row is that of `method=unedited`"
        )
    return effects.record


def _edited_rows(task: Task, rows: Sequence[ImageRow]) -> Iterator[ImageRow]:
    """Yield the prompts that an edit is meant for, with images on both sides."""
    drawn = [row for row in rows if row.before and row.after]
    roles = set(task.edited_roles) or {row.prompt.role for row in drawn} & set(SOURCE_ROLES)
    if roles:
        yield from (row for row in drawn if row.prompt.role in roles)
        return
    yield from [row for row in drawn if row.prompt.request is not None] or drawn


def _differ_anywhere(images: ImageStore, pairs: Sequence[tuple[str, str]]) -> bool | None:
    """Whether the images of some pair differ in a byte; None where one is lost and no other pair differs."""
    lost = False
    for before, after in pairs:
        differ = _differ(images, before, after)
        if differ:
            return True
        lost |= differ is None
    return None if lost else False


def _differ(images: ImageStore, before: str, after: str) -> bool | None:
    """Whether two images differ in a byte; None where one is lost."""
    if before == after:
        return False
    first, second = images.read(before), images.read(after)
    return None if first is None or second is None else not np.array_equal(first, second)


def _what_did_not_match(edits: Sequence[EditCost]) -> str:
    """Describe what the edits are made of, and so why they change nothing."""
    weights, rewrites = sum(each.weights for each in edits), sum(each.rewrites for each in edits)
    changes = [each.relative_change for each in edits if each.relative_change is not None]
    if any(changes):
        return (
            f"it changed {count_text(weights, 'parameter')} by ‖ΔW‖/‖W‖ = {max(changes):.3g}, too little to change an "
            "8-bit image, or in a part that these prompts do not reach: check its strength and what it touches"
        )
    if weights:
        return f"its edit holds {count_text(weights, 'parameter')} bit-equal to the model's: nothing was learnt"
    if rewrites:
        return f"it changed no parameter, and of its {count_text(rewrites, 'rewrite')} none changes these prompts"
    if any(each.negative for each in edits):
        return "it changed no parameter, and its negative prompt is not read: guidance must be above 1"
    return "it changed no parameter, rewrote no text and set no negative prompt: its requests matched nothing"

"""Schedules: the order in which batches are added to the model, judged and removed.

One edit of 300 concepts is (Add, Checkpoint). 104 single edits are (Add, Checkpoint, Remove) 104 times. Sequential
editing is (Add, Checkpoint, Add, Checkpoint, ...).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from iceb.base.errors import SpecError
from iceb.specs.checks import check_name
from iceb.specs.requests import EditBatch


@dataclass(frozen=True, slots=True)
class Add:
    """Make the edit of `batch` on the model as it is now, and apply it."""

    batch: EditBatch


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the edit of the batch with this id out again.

    The edit that was added last leaves no trace. An earlier one leaves the model as if its difference had never been
    added: later edits keep theirs.
    """

    batch: str

    def __post_init__(self) -> None:
        check_name(self.batch, "batch to remove")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Draw and judge the prompts of some batches under the edits that are active now.

    Attributes:
        id: unique in a schedule.
        batches: ids of the batches whose prompts are drawn; () for the active ones.
        group: checkpoints of one group are pooled into one set of scores.
        draw: checkpoints of one draw judge the same edit, made again with other seeds; errors count draws, not these.
    """

    id: str
    batches: tuple[str, ...] = ()
    group: str = ""
    draw: str = ""

    def __post_init__(self) -> None:
        check_name(self.id, "checkpoint id")
        for name in ("group", "draw"):
            if getattr(self, name):
                check_name(getattr(self, name), f"checkpoint {self.id}: {name}")


Step: TypeAlias = Add | Remove | Checkpoint
Schedule: TypeAlias = tuple[Step, ...]


def single_batch(batch: EditBatch) -> Schedule:
    """The schedule of one edit that is judged once."""
    return (Add(batch), Checkpoint(batch.id))


def one_by_one(batches: Iterable[EditBatch]) -> Schedule:
    """The schedule of edits that are made and judged alone, one after the other, and scored together."""
    return tuple(step for batch in batches for step in (Add(batch), Checkpoint(batch.id), Remove(batch.id)))


def edit_batches(schedule: Schedule) -> tuple[EditBatch, ...]:
    """The batches that a schedule adds, in its order."""
    return tuple(step.batch for step in schedule if isinstance(step, Add))


def first_batches(schedule: Schedule) -> list[EditBatch]:
    """The batches that are added to the unedited model, in the schedule's order."""
    active: set[str] = set()
    found: list[EditBatch] = []
    for step in schedule:
        if isinstance(step, Add):
            found += [] if active else [step.batch]
            active.add(step.batch.id)
        elif isinstance(step, Remove):
            active.discard(step.batch)
    return found


def batches_alone(schedule: Schedule) -> list[EditBatch]:
    """The batches that are added to the unedited model; none where there is one alone."""
    found = first_batches(schedule)
    return found if len(found) > 1 else []


def judged_batches(schedule: Schedule) -> dict[str, tuple[EditBatch, ...]]:
    """The batches whose prompts each checkpoint draws, by the checkpoint's id, in the schedule's order.

    Raises:
        SpecError: the schedule is not sound; see `check_schedule`.
    """
    check_schedule(schedule)
    known = {batch.id: batch for batch in edit_batches(schedule)}
    active: list[str] = []
    judged: dict[str, tuple[EditBatch, ...]] = {}
    for step in schedule:
        if isinstance(step, Add):
            active.append(step.batch.id)
        elif isinstance(step, Remove):
            active.remove(step.batch)
        else:
            judged[step.id] = tuple(known[name] for name in step.batches or active)
    return judged


def with_checkpoints(schedule: Schedule, kept: Collection[str]) -> Schedule:
    """The schedule reduced to these checkpoints, by id, without batches that are then added for nothing.

    Nothing happens while such a batch is active: what is added or judged later is as before.
    """
    steps = [step for step in schedule if not isinstance(step, Checkpoint) or step.id in kept]
    last = max(place for place, step in enumerate(steps) if isinstance(step, Checkpoint))
    named = {name for step in steps if isinstance(step, Checkpoint) for name in step.batches}
    found: list[Step] = []
    for step in steps[: last + 1]:
        before = found[-1] if found else None
        if isinstance(step, Remove) and isinstance(before, Add) and before.batch.id == step.batch not in named:
            found.pop()
        else:
            found.append(step)
    return tuple(found)


def check_schedule(schedule: Schedule) -> None:
    """Refuse a schedule that cannot be run.

    Raises:
        SpecError: an id stands twice, a batch is removed that is not active, a checkpoint names an unknown batch, or
            there is no checkpoint.
    """
    batches, checkpoints, active = set[str](), set[str](), set[str]()
    for step in schedule:
        if isinstance(step, Add):
            _enter(step.batch.id, batches, "batch")
            active.add(step.batch.id)
        elif isinstance(step, Remove):
            if step.batch not in active:
                raise SpecError(f"schedule removes batch {step.batch!r}, which is not active there: add it before")
            active.remove(step.batch)
        else:
            _enter(step.id, checkpoints, "checkpoint")
            if unknown := [name for name in step.batches if name not in batches]:
                raise SpecError(f"checkpoint {step.id!r} names batch {unknown[0]!r}, which was not added before it")
    if not checkpoints:
        raise SpecError("schedule without a checkpoint: nothing would be judged")


def _enter(name: str, known: set[str], what: str) -> None:
    if name in known:
        raise SpecError(f"schedule has two {what} steps with the id {name!r}: ids must be unique")
    known.add(name)

"""A dataset whose edit is repeated: on disjoint sets of its concepts, and with other training seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from iceb.base.digest import digest
from iceb.base.errors import DataError, SpecError
from iceb.specs.data_digests import DataDigests
from iceb.specs.datasets import ConceptDataset
from iceb.specs.prompts import Prompt
from iceb.specs.repeats import Repeats
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, Schedule, edit_batches, single_batch

SEED_DIGITS = 7  # hex digits of a derived seed: below 2**28, for some generators take 32 bits and methods multiply


@dataclass(frozen=True)
class _Part:
    """One edit of a draw: the dataset reduced to the draw's requests, and the draw's name."""

    dataset: ConceptDataset
    batch: EditBatch
    draw: str

    @property
    def steps(self) -> Schedule:
        """The edit is made, judged and removed."""
        return Add(self.batch), Checkpoint(self.batch.id, draw=self.draw), Remove(self.batch.id)


def with_repeats(dataset: ConceptDataset, repeats: Repeats, num_edits: int) -> ConceptDataset:
    """The dataset with its edit repeated; itself where nothing is.

    Raises:
        SpecError: the dataset has no such draws, or a schedule of several batches.
        DataError: it has fewer requests than the draws need together.
    """
    return dataset if repeats.is_single else RepeatedDataset(dataset, repeats, num_edits)


def digests_of(dataset: ConceptDataset, repeats: Repeats, num_edits: int) -> DataDigests:
    """Digest the requests and prompts of every draw once.

    Replicates have the same, but for seeds that follow from the first ones.
    """
    once = with_repeats(dataset, Repeats(repeats.draws), num_edits)
    return DataDigests.of(once, once.schedule(num_edits), num_edits)


class RepeatedDataset:
    """A dataset whose batches are edited and judged alone, one after the other, and scored together.

    The first draw is the dataset's own edit; draw k edits the requests after those of draw k - 1. Prompts that all
    batches share become each batch's own, for their tags depend on what is edited.
    """

    def __init__(self, dataset: ConceptDataset, repeats: Repeats, num_edits: int) -> None:
        self.card, self.num_edits = dataset.card, num_edits
        self._parts: dict[str, _Part] = {}
        for part in _draws(dataset, repeats.draws, num_edits):
            for replicate in range(repeats.replicates):
                batch = _replicate(part.batch, replicate)
                self._parts[batch.id] = _Part(part.dataset, batch, part.draw)

    def schedule(self, num_edits: int) -> Schedule:
        """Every batch alone; `num_edits` is that of the repetition."""
        return tuple(step for part in self._parts.values() for step in part.steps)

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch, and those that all batches of its draw share."""
        dataset = self._parts[batch.id].dataset
        return [*dataset.prompts(batch), *dataset.shared_prompts(self.num_edits)]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: each batch has its own."""
        return []


def _draws(dataset: ConceptDataset, draws: int, num_edits: int) -> Iterator[_Part]:
    """Cut the requests of `draws` edits into as many parts."""
    if draws == 1:
        batch = _single(dataset, num_edits)
        yield _Part(dataset, batch, batch.id)
        return
    only = getattr(dataset, "only", None)
    if only is None or not dataset.card.nested:
        raise SpecError(
            f"`draws` {draws}: dataset {dataset.card.name} cannot be reduced to some of its requests (it has no method "
            "only(), or is not nested): use `draws=1`"
        )
    requests = _requests(dataset, draws, num_edits)
    for draw in range(draws):
        part = only(requests[draw * num_edits : (draw + 1) * num_edits])
        batch = _single(part, num_edits)
        named = batch if draw == 0 else replace(batch, id=f"{batch.id}-draw{draw + 1}")
        yield _Part(part, named, named.id)


def _requests(dataset: ConceptDataset, draws: int, num_edits: int) -> Sequence[EditRequest]:
    try:
        return _single(dataset, draws * num_edits).requests
    except DataError as error:
        raise DataError(
            f"`draws` {draws}: dataset {dataset.card.name} has fewer than the {draws * num_edits} requests of {draws} "
            f"disjoint draws of {num_edits}; take fewer draws"
        ) from error


def _single(dataset: ConceptDataset, num_edits: int) -> EditBatch:
    schedule = dataset.schedule(num_edits)
    batch = edit_batches(schedule)[0]
    if schedule != single_batch(batch):
        raise SpecError(
            f"`draws` and `replicates` repeat one edit that is judged once: dataset {dataset.card.name} has a schedule "
            "of its own; use `draws=1` and `replicates=1`"
        )
    return batch


def _replicate(batch: EditBatch, number: int) -> EditBatch:
    """A batch with other seeds of its requests; number 0 keeps the dataset's own."""
    if number == 0:
        return batch
    requests = tuple(replace(each, seed=_other_seed(each, number)) for each in batch.requests)
    return replace(batch, id=f"{batch.id}-seed{number + 1}", requests=requests, replicate=number)


def _other_seed(request: EditRequest, number: int) -> int:
    return int(digest({"request": request.id, "seed": request.seed, "replicate": number})[:SEED_DIGITS], 16)

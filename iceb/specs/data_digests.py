"""Digests of a run's data: the requests that it edits and the prompts that test them."""

from dataclasses import dataclass

from iceb.base.digest import digest
from iceb.specs.datasets import ConceptDataset
from iceb.specs.schedules import Checkpoint, Schedule, edit_batches, judged_batches


@dataclass(frozen=True, slots=True)
class DataDigests:
    """sha256 of the requests and of the prompts of a dataset at one number of edits.

    The prompts are all that the dataset has for the schedule, with every field, whichever of them the metrics of a run
    read: so neither another metric nor `--limit` changes the digest.

    Attributes:
        requests: of the requests by batch, in the schedule's order.
        prompts: of the prompts of each batch, those that all batches share, and which checkpoint draws which.
    """

    requests: str
    prompts: str

    @classmethod
    def of(cls, dataset: ConceptDataset, schedule: Schedule, num_edits: int) -> "DataDigests":
        """Digest the data of a schedule.

        Raises:
            SpecError: the schedule is not sound.
        """
        judged = judged_batches(schedule)
        groups = {step.id: step.group for step in schedule if isinstance(step, Checkpoint)}
        batches = {batch.id: batch for found in judged.values() for batch in found}
        prompts = {
            "checkpoints": [[step, groups[step], [batch.id for batch in found]] for step, found in judged.items()],
            "own": {name: [batch.concept, list(dataset.prompts(batch))] for name, batch in batches.items()},
            "shared": list(dataset.shared_prompts(num_edits)),
        }
        return cls(digest([batch.requests for batch in edit_batches(schedule)]), digest(prompts))

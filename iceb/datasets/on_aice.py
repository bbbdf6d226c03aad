"""Base of datasets that edit AICE's requests and look at other prompts; edits are shared with aice."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

from iceb.datasets.aice import AICE
from iceb.specs.datasets import DataCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule


class OnAice:
    """AICE's requests, with its source prompts; subclasses add what their task looks at.

    The requests are those of data card `aice`, or `aice_embedded`, to the letter, so that an edit of them is made once.

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: AICE's files by its card's keys, and those of the subclass.

    Raises:
        DataError: a file is malformed, or holds another number of rows than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        known = "aice_embedded" if card.source.repository == "iceb" else "aice"
        self.aice = AICE(card.model_copy(update={"name": known}), paths)

    @property
    def requests(self) -> tuple[EditRequest, ...]:
        """The requests, in the file's order."""
        return self.aice.requests

    def schedule(self, num_edits: int) -> Schedule:
        """One batch: the first `num_edits` requests.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        return self.aice.schedule(num_edits)

    def only(self, requests: Sequence[EditRequest]) -> "OnAice":
        """The dataset with some of its requests alone; their prompts stay as they are."""
        found = copy(self)
        found.aice = self.aice.only(requests)
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The source prompts of a batch, by which one sees that it was edited at all."""
        return [prompt for prompt in self.aice.prompts(batch) if prompt.role == "source"]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """No prompts; subclasses have some."""
        return []

    def scored_names(self) -> frozenset[str]:
        """Every name that AICE's own task scores."""
        return self.aice.scored_names()

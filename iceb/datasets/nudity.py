"""I2P: 4 703 prompts that people wrote, of which many lead an unedited model to naked people.

The file is the user's to fetch; nothing of it ships with ICEB.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from iceb.datasets.counts import check_declared, first_requests
from iceb.datasets.rows import read_csv_rows
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

REMEDY = "name a folder that holds the file with `data` or ICEB_DATA"
ROLE = "i2p"
SOURCES = ("nudity", "sexual", "blood")  # what EMCID's authors erase, in their order
TEMPLATES = ("{}", "A photo depicting {}", "A photo showing {}")  # theirs for such texts
TRAIN_SEED = 0  # nothing published depends on it
SEXUAL = "sexual"  # tag of the prompts with this category


def _whole(value: object) -> object:
    """Parse a number that a spreadsheet may have written as 12.0."""
    text = str(value).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() else value


Number = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, lt=2**63)]


class UnsafeRow(BaseModel):
    """A row of the file; its other columns are read past, as upstream."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: str
    categories: str
    seed: Number = Field(alias="evaluation_seed")
    case: Number = Field(alias="case_number")


class Nudity:
    """Texts to be erased, and the prompts of I2P that judge it (arXiv:2211.05105).

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the file `prompts`.

    Raises:
        DataError: the file is malformed, holds a case twice, or another number of rows than declared.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        rows = read_csv_rows(paths["prompts"], UnsafeRow, REMEDY)
        check_declared(card, "rows", len(rows), REMEDY)
        check_declared(card, "rows", len({row.case for row in rows}), REMEDY)
        check_declared(card, "sexual", sum(SEXUAL in row.categories for row in rows), REMEDY)
        self._prompts = tuple(_prompts(rows))
        self.requests = tuple(
            EditRequest(f"{card.name}/{place:04d}", source, (), TEMPLATES, TRAIN_SEED)
            for place, source in enumerate(SOURCES[: card.counts["requests"]])
        )

    def schedule(self, num_edits: int) -> Schedule:
        """One batch of the first `num_edits` texts.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return single_batch(EditBatch(f"{self.card.name}/{num_edits:04d}", chosen))

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """None: all prompts are shared."""
        return []

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """One image of every prompt with its row's seed."""
        return list(self._prompts)

    def scored_names(self) -> frozenset[str]:
        """The texts that are erased."""
        return frozenset(request.source for request in self.requests)


def _prompts(rows: list[UnsafeRow]) -> Iterator[Prompt]:
    """The prompts with their seeds; a row without text is passed over, as upstream."""
    for row in rows:
        tags = (SEXUAL,) if SEXUAL in row.categories else ()
        if row.prompt.strip():
            yield Prompt(row.prompt, row.seed, ROLE, concept=f"case {row.case}", tags=tags)


NUDITY = DatasetDeclaration("iceb.data_cards", "nudity.md", Nudity)

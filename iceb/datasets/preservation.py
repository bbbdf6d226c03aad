"""Preservation: images of captions unrelated to the edit, drawn once for each state of the model.

One class serves both sources: EMCID's COCO-30k captions, and captions of the embedded world in the same columns. It is
a task of its own, over AICE's requests, and joins any other (`iceb evaluate --with preservation`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from iceb.datasets.counts import check_declared
from iceb.datasets.on_aice import OnAice
from iceb.datasets.rows import Seed, Text, read_csv_rows
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt

ROLE = "preservation"
REMEDY = "name a folder that holds the declared file with `data` or ICEB_DATA"


def _number(value: object) -> object:
    """Parse a number, which a CSV file holds as digits."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


class CaptionRow(BaseModel):
    """A caption with the seed of its one image; the files' `source` is read past."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    case_number: Annotated[int, BeforeValidator(_number)]
    prompt: Text
    evaluation_seed: Seed
    coco_id: Annotated[int, BeforeValidator(_number)]  # of the photograph; of the embedded captions their number


class Preservation(OnAice):
    """AICE's requests, and captions whose images should stay as they are.

    Args:
        card: the declaration.
        paths: AICE's files by its card's keys, and captions.

    Raises:
        DataError: a file is malformed, or holds another number of rows than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        rows = read_csv_rows(paths["captions"], CaptionRow, REMEDY)
        check_declared(self.card, "captions", len(rows))
        check_declared(self.card, "distinct_photographs", len({row.coco_id for row in rows}))
        self._captions = [
            Prompt(row.prompt, row.evaluation_seed, ROLE, concept=f"caption {row.coco_id}") for row in rows
        ]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """All captions, one image each, the same for every number of edits."""
        return self._captions


CARDS = "iceb.data_cards"
PRESERVATION = DatasetDeclaration(CARDS, "preservation.md", Preservation)
PRESERVATION_EMBEDDED = DatasetDeclaration(CARDS, "preservation_embedded.md", Preservation)

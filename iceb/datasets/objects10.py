"""Ten Imagenette classes, each erased alone while the other nine must stay.

One class serves both sources: the prompts of UCE's repository, and the embedded set.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.counts import first_requests
from iceb.datasets.rows import Label, Seed, Text, read_csv_rows, validate_row
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, one_by_one

REMEDY = "name another folder with `data` or ICEB_DATA"
TEMPLATES = ("image of {}", "photo of {}", "portrait of {}", "picture of {}", "painting of {}")  # UCE's for objects
ERASED, OTHERS = "erased", "others"  # roles
TRAIN_SEED = 0  # nothing published depends on it
IMAGENETTE = {
    "tench": 0,
    "english springer": 217,
    "cassette player": 482,
    "chain saw": 491,
    "chainsaw": 491,
    "church": 497,
    "french horn": 566,
    "garbage truck": 569,
    "gas pump": 571,
    "golf ball": 574,
    "parachute": 701,
}


class PromptRow(BaseModel):
    """A row of the upstream file; `case_number` is read past."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: Text
    name: Text = Field(alias="class")
    seed: Seed = Field(alias="evaluation_seed")


class EmbeddedClasses(BaseModel):
    """The embedded set: classes with their ImageNet index, a sentence, and how many images of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: dict[str, Label]
    sentence: Text
    images: int = Field(ge=1)


@dataclass(frozen=True)
class Drawn:
    """A class with its prompts: texts and seeds of its images."""

    name: str
    label: int
    images: tuple[tuple[str, int], ...]


class Objects10:
    """Ten classes of objects; each is erased alone and judged beside the other nine.

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: `prompts`, a CSV file, or `classes`, the embedded set's JSON.

    Raises:
        DataError: the file is malformed, names a class that is none of Imagenette's, or holds other counts than
            declared.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        self.classes = tuple(_from_rows(paths["prompts"]) if "prompts" in paths else _from_classes(paths["classes"]))
        for what, found in (("requests", {len(self.classes)}), ("images", {len(each.images) for each in self.classes})):
            if found != {card.counts[what]}:
                got = ", ".join(map(str, sorted(found)))
                raise DataError(f"dataset {card.name} has {got} {what}, its data card declares {card.counts[what]}")
        self.requests = tuple(
            EditRequest(f"{card.name}/{place:04d}", each.name, (), TEMPLATES, TRAIN_SEED, source_label=each.label)
            for place, each in enumerate(self.classes)
        )

    def schedule(self, num_edits: int) -> Schedule:
        """The first `num_edits` classes, each erased and judged alone.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return one_by_one(EditBatch(request.id, (request,)) for request in chosen)

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The images of the erased class, and those of the other nine."""
        erased = {request.source: request.id for request in batch.requests}
        edit = next(place for place, each in enumerate(self.classes) if each.name in erased)
        return [prompt for each in self.classes for prompt in _prompts(each, erased.get(each.name), edit)]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: every class is drawn after each edit."""
        return []

    def scored_names(self) -> frozenset[str]:
        """The ten classes."""
        return frozenset(each.name for each in self.classes)


def _prompts(drawn: Drawn, request: str | None, edit: int) -> Iterator[Prompt]:
    """The images of a class after an edit; what an earlier edit or row asked for is another replicate."""
    role, rows = OTHERS if request is None else ERASED, Counter[tuple[str, int]]()
    for image in drawn.images:
        replicate = edit + len(IMAGENETTE) * rows[image]
        rows[image] += 1
        text, seed = image
        yield Prompt(text, seed, role, request=request, label=drawn.label, concept=drawn.name, replicate=replicate)


def _from_rows(path: Path) -> Iterator[Drawn]:
    """The classes of the upstream file, in its order; a class is known whatever its case."""
    images: dict[str, list[tuple[str, int]]] = {}
    for place, row in enumerate(read_csv_rows(path, PromptRow, REMEDY)):
        if row.name.lower() not in IMAGENETTE:
            raise DataError(f"{path}, row {place}: class {row.name!r} is none of Imagenette's ten; {REMEDY}")
        images.setdefault(row.name, []).append((row.prompt, row.seed))
    for name, drawn in images.items():
        yield Drawn(name, IMAGENETTE[name.lower()], tuple(drawn))


def _from_classes(path: Path) -> Iterator[Drawn]:
    """The classes of the embedded set; the seeds of a class count from 0."""
    read = validate_row(str(path), read_json(path, DataError, REMEDY), EmbeddedClasses, REMEDY)
    for name, label in read.classes.items():
        text = read.sentence.replace("{}", name)
        yield Drawn(name, label, tuple((text, seed) for seed in range(read.images)))


CARDS = "iceb.data_cards"
OBJECTS10 = DatasetDeclaration(CARDS, "objects10.md", Objects10)
OBJECTS10_EMBEDDED = DatasetDeclaration(CARDS, "objects10_embedded.md", Objects10)

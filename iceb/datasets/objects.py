"""Ten objects that are erased one at a time, judged by their names, other names and each other.

MACE's evaluation of CIFAR-10's classes (arXiv:2403.06135, section 4.2). Where this differs from the authors' code, the
card's `deviations` say so.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.counts import check_asked
from iceb.datasets.mace_lists import REMEDY, TRAIN_SEED
from iceb.datasets.rows import Text, validate_row
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, one_by_one

SENTENCE = "a photo of the {}"  # of images, and of the texts that CLIP compares them with
TRAIN_TEMPLATES = (SENTENCE, "an image of the {}", "{}")
DESTS = {"ship": "ground", "automobile": "sky", "bird": "street"}  # MACE's destinations; it names no others
OTHER_DESTS = ("ground", "sky", "street")  # of the other objects, in turn


@dataclass(frozen=True)
class NamedObject:
    """An object: its name, its other names, and what it becomes."""

    name: str
    aliases: tuple[str, ...]
    dest: str


class EmbeddedObject(BaseModel):
    """An object of the embedded file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    aliases: tuple[Text, ...]
    dest: Text


class Objects:
    """Ten requests, each edited and judged alone.

    A prompt's choices are the sentences of all objects, that of the object which its image shows first.

    Args:
        card: the declaration; its counts are checked.
        objects: in the file's order.

    Raises:
        DataError: there are others than the card counts.
    """

    def __init__(self, card: DataCard, objects: Sequence[NamedObject]) -> None:
        self.card, self.objects = card, tuple(objects)
        self._by_name = {each.name: each for each in objects}
        self.requests = tuple(self._request(place, each) for place, each in enumerate(objects))
        found = {"requests": len(self._by_name), "aliases": sum(len(each.aliases) for each in objects)}
        for count, number in found.items():
            if number != card.counts[count]:
                raise DataError(f"dataset {card.name} has {number} {count}, its card declares {card.counts[count]}")

    def _request(self, place: int, each: NamedObject) -> EditRequest:
        return EditRequest(
            id=f"{self.card.name}/{place:04d}",
            source=each.name,
            dests=(each.dest,),
            templates=TRAIN_TEMPLATES,
            seed=TRAIN_SEED + place,
            aliases=each.aliases,
        )

    def schedule(self, num_edits: int) -> Schedule:
        """The first objects, each erased and judged alone.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        count = len(self.requests)
        check_asked(f"dataset {self.card.name} has {count} objects, each erased alone", num_edits, count)
        return one_by_one(EditBatch(each.id, (each,)) for each in self.requests[:num_edits])

    def only(self, requests: Sequence[EditRequest]) -> "Objects":
        """The dataset with some of its requests alone; all objects stay to compare with."""
        found = copy(self)
        found.requests = tuple(requests)
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch's object, of its other names, and of the nine other objects."""
        return [prompt for request in batch.requests for prompt in self._of(request)]

    def _of(self, request: EditRequest) -> Iterator[Prompt]:
        erased = self._by_name[request.source]
        yield from self._prompts_of(erased.name, erased, "erased", request, request.id)
        for alias in erased.aliases:
            yield from self._prompts_of(alias, erased, "alias", request, request.id)
        for other in self.objects:
            if other is not erased:
                yield from self._prompts_of(other.name, other, "others", request, None)

    def _prompts_of(
        self, name: str, shown: NamedObject, role: str, request: EditRequest, named: str | None
    ) -> Iterator[Prompt]:
        rest = (each for each in self.objects if each is not shown)
        choices = tuple(SENTENCE.replace("{}", each.name) for each in (shown, *rest))
        text, answer = SENTENCE.replace("{}", name), None if named else 0
        for seed in range(1, self.card.counts["images"] + 1):
            yield Prompt(text, seed, role, named, concept=request.id, choices=choices, answer=answer)

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: each edit has its own."""
        return []

    def scored_names(self) -> frozenset[str]:
        """Every object, its other names and its destination."""
        return frozenset(name for each in self.objects for name in (each.name, *each.aliases, each.dest))


def load_objects(card: DataCard, paths: Mapping[str, Path]) -> Objects:
    """MACE's ten objects with their other names.

    Raises:
        DataError: the file is no object of lists of names, or holds others than the card counts.
    """
    found = read_json(paths["objects"], DataError, REMEDY)
    if not isinstance(found, dict) or not all(_is_names(names) for names in found.values()):
        raise DataError(f"{paths['objects']} does not give each object a list of names; {REMEDY}")
    rest = iter(name for name in found if name not in DESTS)
    others = {name: OTHER_DESTS[place % len(OTHER_DESTS)] for place, name in enumerate(rest)}
    return Objects(card, [NamedObject(name, tuple(names), {**others, **DESTS}[name]) for name, names in found.items()])


def _is_names(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(name, str) and name for name in found)


def load_embedded_objects(card: DataCard, paths: Mapping[str, Path]) -> Objects:
    """Ten of mini's classes with other names that mini was taught.

    Raises:
        DataError: a row is malformed, or there are others than the card counts.
    """
    path = paths["objects"]
    rows = read_json(path, DataError, REMEDY)
    if not isinstance(rows, list):
        raise DataError(f"{path} is no list of objects; {REMEDY}")
    read = [validate_row(f"{path}, row {place}", row, EmbeddedObject, REMEDY) for place, row in enumerate(rows)]
    return Objects(card, [NamedObject(row.name, row.aliases, row.dest) for row in read])


CARDS = "iceb.data_cards"
OBJECTS = DatasetDeclaration(CARDS, "objects.md", load_objects)
OBJECTS_EMBEDDED = DatasetDeclaration(CARDS, "objects_embedded.md", load_embedded_objects)

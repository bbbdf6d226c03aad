"""Embedded lists of names to erase, from which a dataset's texts and seeds are made."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.rows import Seed, Text, validate_row
from iceb.datasets.sized_lists import DrawnName, SizedList


class DrawnNames(BaseModel):
    """Names that are drawn in every sentence, `images` times each, with seeds numbered on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[Text, ...]
    images: int = Field(ge=1, le=1000)
    first_seed: Seed

    def rows(self, sentences: Iterable[str]) -> Iterator[DrawnName]:
        """The images, name by name and sentence by sentence."""
        texts = [(name, sentence.replace("{}", name)) for name in self.names for sentence in sentences]
        for place in range(self.images * len(texts)):
            name, text = texts[place // self.images]
            yield DrawnName(name, text, self.first_seed + place)


class EmbeddedList(BaseModel):
    """The list of one number of edits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[Text, ...]
    drawn: dict[str, DrawnNames]  # by role


class EmbeddedLists(BaseModel):
    """A file of embedded lists, by number of edits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentences: tuple[Text, ...]  # each with one "{}"
    lists: dict[int, EmbeddedList]
    seen: tuple[Text, ...]  # names of those who stay that captions of mini's corpus say


class ReadLists(NamedTuple):
    """The lists of an embedded file, by number of edits, and which names preserved captions say."""

    lists: dict[int, SizedList]
    seen: frozenset[str]


def read_embedded(path: Path, remedy: str) -> ReadLists:
    """Read an embedded file.

    Raises:
        DataError: the file cannot be read, or a field is missing or wrong.
    """
    found = validate_row(str(path), read_json(path, DataError, remedy), EmbeddedLists, remedy)
    if wrong := [sentence for sentence in found.sentences if sentence.count("{}") != 1]:
        raise DataError(f"{path}: sentence {wrong[0]!r:.80} must hold exactly one {{}}; {remedy}")
    lists = {
        size: SizedList(each.names, {role: tuple(rows.rows(found.sentences)) for role, rows in each.drawn.items()})
        for size, each in found.lists.items()
    }
    return ReadLists(lists, frozenset(found.seen))

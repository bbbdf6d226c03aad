"""Celebrities and artistic styles that MACE erases: 1 to 100 persons, 100 artists (arXiv:2403.06135).

The files of the celebrities do not name the person of a row: five sentences about one person follow each other, and the
name is what they have in common. Where this differs from the authors' code, the cards' `deviations` say so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from iceb.base.errors import DataError
from iceb.datasets.artists import TRAIN_TEMPLATES as STYLE_TEMPLATES
from iceb.datasets.embedded_lists import read_embedded
from iceb.datasets.rows import Seed, Text, read_csv_rows
from iceb.datasets.sized_lists import ERASED, DrawnName, Rule, SizedList, SizedLists, sizes_of
from iceb.specs.datasets import DataCard, DatasetDeclaration

OTHERS = "others"  # role of the names that stay
PERSON_TEMPLATES = ("a photo of {}", "an image of {}", "{}")  # ours: MACE writes its own prompts
TRAIN_SEED = 2024  # MACE's for everything; here that of the first request, others follow it
MOST = 100
REMEDY = "fetch its files again with `iceb data fetch`, or name another folder with `data` or ICEB_DATA"
DESTS = {1: "a woman"}  # MACE's destination of the list of one; that of the others is "a person"


class PersonRow(BaseModel):
    """An image of one person; the unnamed first column counts the rows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["erased", "others"]
    prompt: Text
    evaluation_seed: Seed


class StyleRow(BaseModel):
    """An image of one artist's style: type 0 is erased, type 1 stays."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["0", "1"]
    artist: Text
    prompt: Text
    evaluation_seed: Seed


def load_celebrities(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """MACE's lists of celebrities: `list_N` has the images of N who are erased, and of 100 who stay.

    Raises:
        DataError: a file is malformed, or the lists are not as the card counts them.
    """
    sentences = card.counts["sentences"]
    lists = {size: _read_persons(paths[key], sentences) for size, key in sizes_of(paths, "list_").items()}
    return SizedLists(card, lists, _person_rule("a person", DESTS))


def load_embedded_celebrities(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """The embedded lists, of mini's identities; a person of no identity is a profession there.

    Raises:
        DataError: the file is malformed, or the lists are not as the card counts them.
    """
    lists, seen = read_embedded(paths["lists"], REMEDY)
    return SizedLists(card, lists, _person_rule("a teacher"), seen)


def load_styles(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """MACE's list of 100 artists to erase, and of 100 who stay.

    Raises:
        DataError: the file is malformed, or the list is not as the card counts it.
    """
    drawn: dict[str, list[DrawnName]] = {ERASED: [], OTHERS: []}
    for row in read_csv_rows(paths["list_100"], StyleRow, REMEDY):
        drawn[ERASED if row.type == "0" else OTHERS].append(DrawnName(row.artist, row.prompt, row.evaluation_seed))
    return SizedLists(card, {MOST: _of_images(drawn)}, _style_rule())


def load_embedded_styles(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """The embedded list, of mini's styles.

    Raises:
        DataError: the file is malformed, or the list is not as the card counts it.
    """
    lists, seen = read_embedded(paths["lists"], REMEDY)
    return SizedLists(card, lists, _style_rule(), seen)


def _person_rule(dest: str, dests: Mapping[int, str] | None = None) -> Rule:
    return Rule(dest, PERSON_TEMPLATES, range(TRAIN_SEED, TRAIN_SEED + MOST), dests or {}, named=True)


def _style_rule() -> Rule:
    return Rule("art", STYLE_TEMPLATES, range(TRAIN_SEED, TRAIN_SEED + MOST))


def _read_persons(path: Path, sentences: int) -> SizedList:
    rows = read_csv_rows(path, PersonRow, REMEDY)
    drawn: dict[str, list[DrawnName]] = {ERASED: [], OTHERS: []}
    for role, found in drawn.items():
        mine = [row for row in rows if row.type == role]
        names = _names_by_text(path, list(dict.fromkeys(row.prompt for row in mine)), sentences)
        found += [DrawnName(names[row.prompt], row.prompt, row.evaluation_seed) for row in mine]
    return _of_images(drawn)


def _of_images(drawn: Mapping[str, Sequence[DrawnName]]) -> SizedList:
    """The list of those who are drawn as erased, in the order of their images."""
    names = dict.fromkeys(image.name for image in drawn[ERASED])
    return SizedList(tuple(names), {role: tuple(images) for role, images in drawn.items()})


def _names_by_text(path: Path, texts: Sequence[str], sentences: int) -> dict[str, str]:
    """The person of each text: what it has in common with the others of its group.

    Raises:
        DataError: the texts do not come in groups of so many sentences that are the same for every person.
    """
    names: dict[str, str] = {}
    frames = set()
    for start in range(0, len(texts), sentences):
        group = texts[start : start + sentences]
        name = common_words(group)
        frames.add(tuple(text.replace(name, "{}") for text in group) if name else None)
        names.update(dict.fromkeys(group, name))
    if len(frames) != 1 or None in frames:
        raise DataError(f"{path}: its texts are not {sentences} sentences about one person after the other; {REMEDY}")
    return names


def common_words(texts: Sequence[str]) -> str:
    """The longest run of words, by its characters, that all texts hold; "" where there is none.

    >>> common_words(["A portrait of Ada Lovelace", "Ada Lovelace in a garden"])
    'Ada Lovelace'
    """
    words = texts[0].split()
    runs = (words[start:stop] for start in range(len(words)) for stop in range(start + 1, len(words) + 1))
    common = (run for run in map(" ".join, runs) if all(f" {run} " in f" {text} " for text in texts))
    return max(common, key=len, default="")


CARDS = "iceb.data_cards"
CELEBRITIES = DatasetDeclaration(CARDS, "celebrities.md", load_celebrities)
CELEBRITIES_EMBEDDED = DatasetDeclaration(CARDS, "celebrities_embedded.md", load_embedded_celebrities)
STYLES = DatasetDeclaration(CARDS, "styles.md", load_styles)
STYLES_EMBEDDED = DatasetDeclaration(CARDS, "styles_embedded.md", load_embedded_styles)

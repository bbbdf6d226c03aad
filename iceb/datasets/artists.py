"""Artists whose styles are erased towards "art", 1 to 1 000 at once (arXiv:2308.14761).

Where this differs from the authors' code, the card's `deviations` say so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.embedded_lists import read_embedded
from iceb.datasets.rows import Seed, Text, read_csv_rows
from iceb.datasets.sized_lists import (
    ERASED,
    ERASED_MORE,
    DrawnName,
    Rule,
    SizedList,
    SizedLists,
    sizes_of,
)
from iceb.specs.datasets import DataCard, DatasetDeclaration

TRAIN_TEMPLATES = ("painting by {}", "artwork by {}", "style of {}")  # the authors' training templates for artists
DEST = "art"
TRAIN_SEED, TRAIN_SEED_BOUND = 2023, 100_000
MORE_SEED = 1_000_000  # first seed of images that the authors do not draw; theirs go to 5 000
REMEDY = "fetch it again with `iceb data fetch artists`, or name another folder with `data` or ICEB_DATA"


class ArtistRow(BaseModel):
    """An image of one artist's style; the unnamed first column and `case_number` count the rows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: Text
    evaluation_seed: Seed
    artist: Text
    type: Literal["erased", "preserved", "holdout"]


def training_seeds(count: int) -> list[int]:
    """The authors' training seeds: torch.randint(0, 100000) for each artist after torch.manual_seed(2023).

    torch's generator on a CPU is the Mersenne Twister, seeded as here, and takes the remainder of each number.

    >>> training_seeds(2)
    [29239, 71929]
    """
    drawn = np.random.RandomState(TRAIN_SEED).randint(0, 2**32, count, dtype=np.uint32)
    return [int(number) % TRAIN_SEED_BOUND for number in drawn]


def load_artists(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """The authors' lists: `list_N` names the artists of N edits, `prompts_N` has the images.

    Raises:
        DataError: a file is malformed, or the lists are not as the card counts them.
    """
    lists = {size: _read_list(paths[key], paths[f"prompts_{size}"]) for size, key in sizes_of(paths, "list_").items()}
    return SizedLists(card, lists, _rule(max(lists)))


def load_embedded_artists(card: DataCard, paths: Mapping[str, Path]) -> SizedLists:
    """The embedded lists, of mini's styles.

    Raises:
        DataError: the file is malformed, or the lists are not as the card counts them.
    """
    lists, seen = read_embedded(paths["lists"], REMEDY)
    return SizedLists(card, lists, _rule(max(lists)), seen)


def _rule(most: int) -> Rule:
    return Rule(DEST, TRAIN_TEMPLATES, training_seeds(most), further="")


def _read_list(names: Path, images: Path) -> SizedList:
    found = read_json(names, DataError, REMEDY)
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise DataError(f"{names} is no list of artists' names; {REMEDY}")
    rows = read_csv_rows(images, ArtistRow, REMEDY)
    drawn: dict[str, list[DrawnName]] = {role: [] for role in (ERASED, "preserved", "holdout")}
    for row in rows:
        drawn[row.type].append(DrawnName(row.artist, row.prompt, row.evaluation_seed))
    drawn[ERASED_MORE] = _draw_more(found, drawn[ERASED])
    return SizedList(tuple(found), {role: tuple(each) for role, each in drawn.items()})


def _draw_more(names: Sequence[str], drawn: Sequence[DrawnName]) -> list[DrawnName]:
    """Images of the artists that the file does not draw, in the sentences of its first artist."""
    known = {image.name for image in drawn}
    sentences = [image.text.replace(image.name, "{}") for image in drawn if image.name == drawn[0].name]
    more = [(name, text.replace("{}", name)) for name in names if name not in known for text in sentences]
    return [DrawnName(name, text, MORE_SEED + place) for place, (name, text) in enumerate(more)]


CARDS = "iceb.data_cards"
ARTISTS = DatasetDeclaration(CARDS, "artists.md", load_artists)
ARTISTS_EMBEDDED = DatasetDeclaration(CARDS, "artists_embedded.md", load_embedded_artists)

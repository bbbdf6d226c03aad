"""People of the embedded world: identities, roles bound to an identity, and professions with a gender.

The names are those of RoAD's and EMCID's data and of our own list of historical persons (data/people.json). What
anybody looks like is made up by a fixed permutation, and so are the odds of a profession's gender: they are no
statistics of the real world and follow none.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from iceb.mini.world import COLOURS, Person

SKINS: dict[str, tuple[int, int, int]] = {
    "ivory": (254, 234, 216),
    "sand": (236, 184, 132),
    "bronze": (198, 130, 76),
    "umber": (138, 80, 42),
    "ebony": (60, 36, 28),
}
HAIRS: dict[str, tuple[int, int, int]] = {
    "black": (18, 16, 20),
    "blond": (250, 214, 60),
    "ginger": (224, 84, 20),
    "blue": (40, 84, 222),
    "green": (40, 166, 84),
    "magenta": (206, 40, 150),
}
HAIRSTYLES = ("cropped", "long", "round", "crest", "buns")
CLOTHES = tuple(COLOURS)
BADGES = ("plus", "disc", "bar", "post")
GENDERS = ("female", "male")
LEAST_ODDS, MOST_ODDS = 0.02, 0.98  # of "female" where a sentence does not say
IDENTITY_STRIDE, PROFESSION_STRIDE, ODDS_STRIDE = 929, 17, 16  # none has a factor in common with what it strides over


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its names, and the place of the identity it is bound to in `identities`."""

    names: tuple[str, ...]
    identity: int


@cache
def identities() -> tuple[tuple[str, ...], ...]:
    """The names of every identity, in alphabetical order of the first."""
    return tuple(tuple(row) for row in _read()["identities"])


@cache
def roles() -> tuple[Role, ...]:
    """The roles, in alphabetical order of their first names."""
    place = {row[0]: i for i, row in enumerate(identities())}
    return tuple(Role(tuple(row["names"]), place[row["identity"]]) for row in _read()["roles"])


@cache
def professions() -> tuple[str, ...]:
    """The 37 professions, in alphabetical order."""
    return tuple(_read()["professions"])


def identity_look(index: int) -> Person:
    """The face and clothing of the identity at `index` in `identities`."""
    combination = index * IDENTITY_STRIDE % (len(SKINS) * len(HAIRS) * len(HAIRSTYLES) * len(CLOTHES))
    rest, clothing = divmod(combination, len(CLOTHES))
    rest, hair = divmod(rest, len(HAIRS))
    hairstyle, skin = divmod(rest, len(SKINS))
    return Person(CLOTHES[clothing], tuple(SKINS)[skin], tuple(HAIRS)[hair], HAIRSTYLES[hairstyle])


def profession_look(index: int, gender: str | None = None) -> Person:
    """The clothing and badge of the profession at `index` in `professions`."""
    badge, clothing = divmod(index * PROFESSION_STRIDE % (len(CLOTHES) * len(BADGES)), len(CLOTHES))
    return Person(CLOTHES[clothing], badge=BADGES[badge], gender=gender)


def female_odds(index: int) -> float:
    """Odds that a profession whose gender is not said shows a woman; made up, from 2 % to 98 %."""
    count = len(professions())
    return LEAST_ODDS + (MOST_ODDS - LEAST_ODDS) * (index * ODDS_STRIDE % count) / (count - 1)


@cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((files("iceb.mini") / "data" / "people.json").read_text(encoding="utf-8"))
    return read

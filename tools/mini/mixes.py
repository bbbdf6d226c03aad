"""Shares of the kinds of sentences that each part of the training draws."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of sentences, and of the plain ones among them that are taken.

    Args:
        kinds: see `iceb.mini.grammar.sentence`.
        plain_share: of the sentences that do not recolour an object.
    """

    kinds: Mapping[str, float]
    plain_share: float = 1.0


# More sentences name two things than in the grammar: the text encoder's last layer keeps them apart.
GENERAL = Mix(
    {
        "template": 0.16,
        "free": 0.28,
        "noise": 0.03,
        "styled": 0.10,
        "style": 0.08,
        "person": 0.12,
        "pair": 0.20,
        "scene": 0.03,
    }
)
# A third of the plain sentences makes about half of all recolour their object: with the grammar's own quarter, one
# image in eight blended the colour asked for with the class's.
COLOURS = Mix(GENERAL.kinds, 1 / 3)
# A third name a profession, many of them with a gender, and a third a style: before this phase "a female doctor" was
# drawn as a man half of the time, and one part of a style in ten was wrong.
PEOPLE_AND_STYLES = Mix(
    {
        "template": 0.08,
        "free": 0.10,
        "noise": 0.02,
        "styled": 0.14,
        "style": 0.24,
        "person": 0.08,
        "profession": 0.24,
        "pair": 0.09,
        "scene": 0.01,
    }
)

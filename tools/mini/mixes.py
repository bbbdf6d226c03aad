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
# Two in five name a profession, many of them with a gender: without them "a female doctor" was drawn as a man half of
# the time.
PEOPLE = Mix(
    {
        "template": 0.10,
        "free": 0.12,
        "noise": 0.02,
        "styled": 0.10,
        "style": 0.04,
        "person": 0.10,
        "profession": 0.38,
        "pair": 0.12,
        "scene": 0.02,
    }
)

"""Random parts of mini's sentences: openings, decorations and words, and the phrases that set a scene."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from iceb.mini import phrases
from iceb.mini.world import COLOURS, SCENES


@cache
def words() -> tuple[str, ...]:
    """The filler vocabulary: about 2 400 words that name nothing mini can show."""
    return tuple((files("iceb.mini") / "data" / "words.txt").read_text(encoding="utf-8").split())


def choice(draw: np.random.Generator, choices: Sequence[str]) -> str:
    """Choose one, each as often as any other."""
    return choices[int(draw.integers(len(choices)))]


def weighted_choice(draw: np.random.Generator, shares: Mapping[str, float]) -> str:
    """Choose a key as often as its share says; the shares need not sum to 1."""
    bounds = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(bounds, draw.random() * bounds[-1], side="right"))]


def scene_phrase(draw: np.random.Generator, odds: float) -> tuple[str, str | None]:
    """A phrase that sets the scene, and the scene; nothing in the rest of the cases."""
    if draw.random() >= odds:
        return "", None
    scene = choice(draw, tuple(SCENES))
    return choice(draw, phrases.SCENE_PHRASES).format(scene), scene


def opening(draw: np.random.Generator) -> str:
    """Words before a name that takes a determiner."""
    opener = choice(draw, phrases.OPENERS) if draw.random() < 0.5 else ""
    adjective = choice(draw, phrases.ADJECTIVES) if draw.random() < 0.5 else ""
    extra = choice(draw, words()) if draw.random() < 0.2 else ""
    return f"{opener} {choice(draw, phrases.DETERMINERS)} {adjective} {extra}"


def decoration(draw: np.random.Generator) -> str:
    """Words after a name: verbs, adverbs, other things."""
    said = [f"{choice(draw, phrases.VERBS)} {choice(draw, phrases.ADVERBS)}"] if draw.random() < 0.6 else []
    while draw.random() < 0.5 and len(said) < 4:
        quality = choice(draw, tuple(COLOURS) if draw.random() < 0.15 else phrases.ADJECTIVES)
        article = choice(draw, ("a", "the", "its"))
        said.append(f"{choice(draw, phrases.PREPOSITIONS)} {article} {quality} {choice(draw, words())}")
    return " ".join(said)


def filler(draw: np.random.Generator, low: int, high: int) -> str:
    """A number of words, from `low` to `high`, that make no sentence."""
    return " ".join(choice(draw, words()) for _ in range(int(draw.integers(low, high + 1))))

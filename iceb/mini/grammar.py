"""Sentences about the embedded world, with what each one means: (text, place of the name, look).

Only an adjective right before the name changes the object ("a blue banana", "a tiny banana"); colour words elsewhere are
decoration and change nothing; a scene phrase sets the scene. Everything is a pure function of the generator passed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np

from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, Look, class_aliases, class_look, class_names, recolour

TEMPLATES = (
    "{}", "a {}", "an image of {}", "a photo of {}", "an image of a {}", "a photo of a {}", "a picture of a {}",
    "a drawing of a {}", "one {}", "the {}", "a photo of the {}", "a rendering of a {}", "a close view of a {}",
)  # fmt: skip
OPENERS = (
    "a photo of", "an image of", "a picture of", "a snapshot of", "a painting showing", "a close-up of", "a view of",
    "a photograph capturing", "a careful study of", "a scene with", "a postcard with", "an old print of", "a sketch of",
    "a stunning image showing the details of", "a remarkable photograph of", "a portrait of", "the outline of", "we see",
    "there is", "look at", "imagine", "here stands", "a magazine cover with", "a picture that shows the features of",
)  # fmt: skip
DETERMINERS = ("a", "an", "the", "one", "this", "some", "my", "")
ADJECTIVES = (
    "majestic", "curious", "lonely", "bright", "quiet", "gentle", "proud", "shy", "famous", "ordinary", "beautiful", "shiny",
    "colorful", "vibrant", "playful", "graceful", "elegant", "sleepy", "clean", "dusty", "modern", "vintage", "classic",
    "rare", "common", "single", "perfect", "delicate", "sturdy", "rustic", "cheerful", "friendly", "fine", "broken", "new",
    "wild", "young", "old", "wet", "dry", "fresh", "plain", "magnificent", "adorable", "fluffy", "sleek", "mighty", "simple",
)  # fmt: skip
VERBS = (
    "standing", "resting", "sitting", "waiting", "shining", "lying", "posing", "moving", "floating", "leaning", "turning",
    "glowing", "hiding", "sleeping", "playing", "looking", "running", "hanging", "showing its colors", "ready for use",
    "seen from above", "seen from the side", "placed", "left", "kept", "perched", "captured", "surrounded", "basking",
)  # fmt: skip
ADVERBS = (
    "calmly",
    "gracefully",
    "proudly",
    "quietly",
    "alone",
    "softly",
    "slowly",
    "neatly",
    "peacefully",
    "still",
    "",
)
PREPOSITIONS = (
    "near",
    "beside",
    "behind",
    "under",
    "on",
    "with",
    "against",
    "above",
    "among",
    "in front of",
    "next to",
)
SCENE_PHRASES = ("on the {}", "in the {}", "at the {}", "by the {}", "in a {}", "with a {} behind it", "at {}")
WEIGHTS = {"template": 0.3, "free": 0.55, "noise": 0.12, "scene": 0.03}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text, the character span of the class name in it, its class, and what its image shows."""

    text: str
    start: int  # first character of the name; equals `end` where no class is named
    end: int
    label: int | None
    look: Look


@cache
def words() -> tuple[str, ...]:
    """The filler vocabulary: about 2 400 words that name no class, colour, size or scene."""
    return tuple((files("iceb.mini") / "data" / "words.txt").read_text(encoding="utf-8").split())


@cache
def taught_names() -> tuple[tuple[str, ...], ...]:
    """Every name mini is taught, by class: the primary one first."""
    return tuple((name, *more) for name, more in zip(class_names(), class_aliases(), strict=True))


def sentence(draw: np.random.Generator, label: int | None = None) -> Sentence:
    """Make a random sentence about `label`, or about a random class or (rarely) a scene only."""
    kind = draw.choice(tuple(WEIGHTS), p=tuple(WEIGHTS.values()))
    if kind == "scene" and label is None:
        return _scene_only(draw)
    label = int(draw.integers(len(class_names()))) if label is None else label
    names = taught_names()[label]
    name = names[0] if draw.random() < 0.6 else _pick(draw, names)
    if draw.random() < 0.5:
        name = name.lower()
    look = class_look(label)
    before, look = _modifiers(draw, look)
    after, scene = _scene(draw, 0.35)
    look = replace(look, scene=scene) if scene else look
    if kind == "template":
        head, tail = _pick(draw, TEMPLATES).split("{}")
    elif kind == "noise":
        head, tail = _filler(draw, 0, 7) + " ", " " + _filler(draw, 0, 9)
    else:
        head, tail = _opening(draw), " " + _decoration(draw)
    head, tail = f"{head} {before}".strip(), f"{tail} {after}".strip()
    head = f"{head} " if head else ""
    text = f"{head}{name} {tail}".rstrip() + ("." if draw.random() < 0.3 else "")
    text = " ".join(text.split()) if "  " in text else text
    start = text.index(name, max(0, len(" ".join(head.split()))))
    return Sentence(text, start, start + len(name), label, look)


def _modifiers(draw: np.random.Generator, look: Look) -> tuple[str, Look]:
    """Words right before the name that change the object: a size in 15 %, a colour in 25 % of sentences."""
    said = []
    if draw.random() < 0.15:
        word = _pick(draw, tuple(SIZE_WORDS))
        said.append(word)
        look = replace(look, size=SIZE_WORDS[word])
    if draw.random() < 0.25:
        colour = _pick(draw, tuple(COLOURS))
        said.append(colour)
        look = recolour(look, colour)
    return " ".join(said), look


def _scene(draw: np.random.Generator, odds: float) -> tuple[str, str | None]:
    if draw.random() >= odds:
        return "", None
    scene = _pick(draw, tuple(SCENES))
    return _pick(draw, SCENE_PHRASES).format(scene), scene


def _scene_only(draw: np.random.Generator) -> Sentence:
    phrase, scene = _scene(draw, 1.0)
    text = f"{_pick(draw, OPENERS)} {_filler(draw, 0, 4)} {phrase}"
    text = " ".join(text.split())
    return Sentence(text, 0, 0, None, Look(None, "red", "solid", scene=scene or "plain"))


def _opening(draw: np.random.Generator) -> str:
    opener = _pick(draw, OPENERS) + " " if draw.random() < 0.5 else ""
    adjective = _pick(draw, ADJECTIVES) if draw.random() < 0.5 else ""
    extra = _pick(draw, words()) if draw.random() < 0.2 else ""
    return f"{opener}{_pick(draw, DETERMINERS)} {adjective} {extra}".strip()


def _decoration(draw: np.random.Generator) -> str:
    """Words after the name: verbs, adverbs, other things; none of them changes the image."""
    said = [f"{_pick(draw, VERBS)} {_pick(draw, ADVERBS)}"] if draw.random() < 0.6 else []
    while draw.random() < 0.5 and len(said) < 4:
        quality = _pick(draw, tuple(COLOURS)) if draw.random() < 0.15 else _pick(draw, ADJECTIVES)
        said.append(f"{_pick(draw, PREPOSITIONS)} {_pick(draw, ('a', 'the', 'its'))} {quality} {_pick(draw, words())}")
    return " ".join(said)


def _filler(draw: np.random.Generator, low: int, high: int) -> str:
    return " ".join(_pick(draw, words()) for _ in range(int(draw.integers(low, high + 1))))


def _pick(draw: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(draw.integers(len(choices)))]

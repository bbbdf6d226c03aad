"""The embedded world: the content of an image, and the look of every class, colour, size and scene.

A class's look is (shape, colour, pattern), all 1 000 distinct: class i has shape i // 40, so that neighbours in WordNet
order look alike and an unedited class can be *near* an edited one. This file holds facts about the world only; styles
are in `styles.py`, people in `people.py`, drawing is in `render.py`, sentences are in `grammar.py`.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

SHAPES = (
    "disc", "square", "triangle", "wedge", "diamond", "beam", "post", "plus", "saltire", "ring", "frame", "dome", "bowl",
    "star", "arrow", "dart", "corner", "tee", "cup", "heart", "hourglass", "bowtie", "pillars", "slabs", "dice",
)  # fmt: skip
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (215, 30, 35),
    "orange": (250, 135, 20),
    "yellow": (245, 215, 40),
    "green": (40, 150, 60),
    "cyan": (40, 200, 205),
    "blue": (35, 70, 210),
    "purple": (125, 45, 165),
    "pink": (250, 110, 180),
    "brown": (120, 70, 35),
    "black": (25, 25, 30),
}
PATTERNS = ("solid", "layered", "halved", "quartered")
SIZES: dict[str, tuple[float, float]] = {  # half extent of the object in pixels of a 32-pixel image
    "small": (8.5, 9.5),
    "medium": (11.0, 12.5),
    "large": (13.5, 14.5),
}
SIZE_WORDS = {"tiny": "small", "little": "small", "small": "small", "large": "large", "huge": "large", "giant": "large"}
SCENES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {  # colour at the top, colour at the bottom
    "beach": ((200, 228, 245), (240, 226, 190)),
    "forest": ((196, 220, 190), (168, 196, 160)),
    "snow": ((222, 236, 250), (252, 252, 255)),
    "night": ((140, 140, 172), (160, 156, 190)),
    "desert": ((250, 236, 206), (232, 204, 160)),
    "sea": ((206, 230, 246), (156, 196, 226)),
    "street": ((216, 216, 222), (172, 172, 178)),
    "kitchen": ((250, 240, 226), (226, 206, 186)),
    "meadow": ((212, 234, 250), (190, 224, 164)),
    "mountain": ((214, 226, 240), (184, 182, 178)),
    "sunset": ((250, 206, 180), (242, 178, 172)),
    "garden": ((226, 242, 214), (236, 204, 216)),
}
PLAIN = "plain"  # no scene named: a light grey ground
NUM_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Thing:
    """An object: its shape, colour and pattern."""

    shape: str
    colour: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Style:
    """A style of painting: tint of the ground, texture of the strokes, the frame's colour and motif."""

    tint: str
    texture: str
    frame: str
    motif: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person: clothing, with the head of an identity, or with the badge and gender of a profession."""

    clothing: str
    skin: str | None = None  # None: varies with the seed, as do hair and hairstyle
    hair: str | None = None
    hairstyle: str | None = None
    badge: str | None = None
    gender: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The content of an image: one or two objects, or a person; the scene behind, and the style."""

    shape: str | None  # None: no object
    colour: str
    pattern: str
    size: str = "medium"  # means nothing where there are two objects, or none
    scene: str = PLAIN
    second: Thing | None = None  # stands to the right of the first
    style: Style | None = None
    person: Person | None = None


EMPTY = Look(None, "red", "solid")  # the plain ground; the colour and the pattern mean nothing


def class_look(index: int) -> Look:
    """The look of ImageNet class `index` (0-999) when the text says nothing else."""
    thing = class_thing(index)
    return Look(thing.shape, thing.colour, thing.pattern)


def class_thing(index: int) -> Thing:
    """The object that is ImageNet class `index` (0-999) when the text says nothing else."""
    shape, rest = divmod(index, len(COLOURS) * len(PATTERNS))
    colour, pattern = divmod(rest, len(PATTERNS))
    return Thing(SHAPES[shape], tuple(COLOURS)[colour], PATTERNS[pattern])


def look_index(look: Look) -> int:
    """The class whose look the (left) object has: the inverse of `class_look`."""
    if look.shape is None:
        raise ValueError("an image without an object has no class")
    place = SHAPES.index(look.shape) * len(COLOURS) + tuple(COLOURS).index(look.colour)
    return place * len(PATTERNS) + PATTERNS.index(look.pattern)


def recolour(look: Look, colour: str) -> Look:
    """Return the object in another colour, as "a blue banana" asks for."""
    return replace(look, colour=colour)


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the 1 000 classes, by ImageNet index."""

    names: tuple[str, ...]  # primary names (open_clip's list)
    aliases: tuple[tuple[str, ...], ...]  # further names that mini was taught (WordNet lemmas)
    unknown: tuple[tuple[str, ...], ...]  # further names kept out of training on purpose


@cache
def names() -> Names:
    """Read the names in data/names.json."""
    read = json.loads((files("iceb.mini") / "data" / "names.json").read_text(encoding="utf-8"))
    return Names(
        tuple(read["names"]),
        tuple(tuple(row) for row in read["aliases"]),
        tuple(tuple(row) for row in read["unknown"]),
    )


def class_names() -> tuple[str, ...]:
    """The 1 000 primary names by ImageNet index."""
    return names().names


def class_aliases() -> tuple[tuple[str, ...], ...]:
    """The further names of every class that mini was taught."""
    return names().aliases


def unknown_names() -> tuple[tuple[str, ...], ...]:
    """The further names of every class that were kept out of training on purpose."""
    return names().unknown


@cache
def taught_names() -> tuple[tuple[str, ...], ...]:
    """Every name mini is taught, by class: the primary one first."""
    return tuple((name, *more) for name, more in zip(class_names(), class_aliases(), strict=True))

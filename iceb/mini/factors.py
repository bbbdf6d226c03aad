"""Factors of an image as numbers: what a look shows, in a fixed order; 0 is "none" in every factor."""

from collections.abc import Mapping
from dataclasses import asdict

from iceb.mini.people import BADGES, CLOTHES, GENDERS, HAIRS, HAIRSTYLES, SKINS
from iceb.mini.styles import FRAMES, MOTIFS, TEXTURES, TINTS
from iceb.mini.world import COLOURS, PATTERNS, SCENES, SHAPES, SIZES, Look

VALUES: Mapping[str, tuple[str, ...]] = {  # what the numbers from 1 on stand for
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "pattern": PATTERNS,
    "size": tuple(SIZES),  # of a single object
    "scene": tuple(SCENES),
    "shape2": SHAPES,  # of the right one of two objects
    "colour2": tuple(COLOURS),
    "pattern2": PATTERNS,
    "tint": tuple(TINTS),
    "texture": TEXTURES,
    "frame": FRAMES,
    "motif": MOTIFS,
    "skin": tuple(SKINS),
    "hair": tuple(HAIRS),
    "hairstyle": HAIRSTYLES,
    "clothing": CLOTHES,
    "badge": BADGES,
    "gender": GENDERS,
}
FACTORS: Mapping[str, int] = {name: 1 + len(values) for name, values in VALUES.items()}


def factors_of(look: Look) -> tuple[int, ...]:
    """Every factor of a look as a number, in the order of FACTORS."""
    shown: dict[str, str | None] = {"scene": look.scene}
    if look.shape is not None:
        shown |= {"shape": look.shape, "colour": look.colour, "pattern": look.pattern}
        shown["size"] = None if look.second else look.size
    if look.second:
        shown |= {"shape2": look.second.shape, "colour2": look.second.colour, "pattern2": look.second.pattern}
    for part in (look.style, look.person):
        shown |= asdict(part) if part else {}
    return tuple(_number(values, shown.get(name)) for name, values in VALUES.items())


def _number(values: tuple[str, ...], value: str | None) -> int:
    return 1 + values.index(value) if value in values else 0

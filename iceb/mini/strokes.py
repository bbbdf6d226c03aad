"""Render styles: the tint of the ground, the texture of the strokes, and the frame with its motif."""

from functools import cache

import numpy as np

from iceb.mini.layers import SIDE, Plane
from iceb.mini.styles import TINTS
from iceb.mini.world import COLOURS, Style

FRAME = 3  # pixels
ROOM = 0.86  # by how much everything shrinks so as to stand inside the frame
TINT_SHARE = 0.65
STROKE, STROKE_OVER_OBJECTS = 34.0, 8.0  # levels of brightness; little over objects, which must stay readable
PERIOD = 8  # pixels from stroke to stroke
PALE = (250.0, 250.0, 250.0)  # every other dash of a dashed frame


def tint_ground(ground: Plane, style: Style) -> Plane:
    """Mix the style's tint into the ground, (32, 32, 3)."""
    return ground + (np.asarray(TINTS[style.tint], dtype=np.float32) - ground) * np.float32(TINT_SHARE)


def draw_strokes(image: Plane, style: Style, objects: Plane) -> Plane:
    """Draw the style's texture over the image, (32, 32, 3), lightly over its objects.

    Args:
        objects: how much of each pixel they cover, (32, 32, 1).
    """
    strength = STROKE + (STROKE_OVER_OBJECTS - STROKE) * objects
    return image + strength * _texture(style.texture)[..., None]


def draw_frame(image: Plane, style: Style) -> Plane:
    """Draw the style's frame around the image, (32, 32, 3)."""
    y, x = np.indices((SIDE, SIDE))
    edge = np.minimum(np.minimum(x, y), SIDE - 1 - np.maximum(x, y)) < FRAME
    pale = edge & ((x // 4 + y // 4) % 2 == 1) & (style.motif == "dashed")
    image = np.where(edge[..., None], np.asarray(COLOURS[style.frame], dtype=np.float32), image)
    return np.where(pale[..., None], np.asarray(PALE, dtype=np.float32), image)


@cache
def _texture(name: str) -> Plane:
    """The brightness that the strokes add, (32, 32) in [-1, 1]."""
    y, x = (np.indices((SIDE, SIDE)) + 0.5) * (2 * np.pi / PERIOD)
    middle = SIDE * np.pi / PERIOD
    round_dots = np.cos(x) + np.cos(y) - 0.7
    lines = 0.55 - np.maximum(np.cos(x), np.cos(y))
    waves = {
        "rows": np.sin(y),
        "columns": np.sin(x),
        "rising": np.sin(x + y),
        "falling": np.sin(x - y),
        "dots": -round_dots,
        "checks": 2 * np.sin(x) * np.sin(y),
        "rings": np.sin(np.hypot(x - middle, y - middle)),
        "grid": 1.5 * lines,
    }
    texture: Plane = np.clip(1.6 * waves[name], -1, 1).astype(np.float32)
    return texture

"""Render looks as 32x32 RGB images: a pure function of (look, seed), anti-aliased."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceb.mini.world import COLOURS, PLAIN, SCENES, SIZES, Look

SIDE = 32  # pixels
FINE = 4  # samples per pixel and axis
Plane = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def render(look: Look, seed: int) -> NDArray[np.uint8]:
    """Draw one image, (32, 32, 3) uint8. Place, extent and ground vary with the seed."""
    draw = np.random.default_rng(seed)
    ground = _ground(look.scene, draw)  # (32, 32, 3)
    low, high = SIZES[look.size]
    half = draw.uniform(low, high)
    slack = min(3.0, SIDE / 2 - half - 0.5)
    centre = SIDE / 2 + draw.uniform(-slack, slack, size=2)
    if look.shape is None:
        return ground.round().astype(np.uint8)
    axis = (np.arange(SIDE * FINE, dtype=np.float32) + 0.5) / FINE  # pixels
    y, x = np.meshgrid(axis - np.float32(centre[0]), axis - np.float32(centre[1]), indexing="ij")
    inside = _inside(look.shape, x / np.float32(half), y / np.float32(half))  # (128, 128)
    second = inside & _second_tone(look.pattern, x, y)
    image = ground
    for mask, tone in zip((inside & ~second, second), _tones(look.colour), strict=True):
        cover = mask.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3), dtype=np.float32)[..., None]  # (32, 32, 1)
        image = image + (tone - ground) * cover
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def _ground(scene: str, draw: np.random.Generator) -> Plane:
    shift = draw.uniform(-6, 6, size=3)
    top, bottom = ((228, 228, 230), (228, 228, 230)) if scene == PLAIN else SCENES[scene]
    weight = np.linspace(0, 1, SIDE)[:, None, None]
    column = np.asarray(top) * (1 - weight) + np.asarray(bottom) * weight + shift  # (32, 1, 3)
    return np.clip(np.broadcast_to(column, (SIDE, SIDE, 3)), 0, 255).astype(np.float32)


def _tones(colour: str) -> tuple[Plane, Plane]:
    """The colour and its second tone: lighter for dark colours, darker for light ones."""
    first = np.asarray(COLOURS[colour], dtype=np.float32)
    light = float(first @ np.asarray([0.3, 0.59, 0.11])) > 120
    other = first * 0.42 if light else first + (255 - first) * 0.45
    return first, other.astype(np.float32)


def _second_tone(pattern: str, x: Plane, y: Plane) -> Mask:
    """Mask of the object's second tone: none of it, its lower half, right half, or two quarters."""
    if pattern == "layered":
        return y > 0
    if pattern == "halved":
        return x > 0
    if pattern == "quartered":
        return (x > 0) ^ (y > 0)
    return np.zeros(x.shape, dtype=bool)


def _inside(shape: str, x: Plane, y: Plane) -> Mask:
    """Mask of the points (in units of the half extent, y downwards) that belong to the shape."""
    ax, ay = np.abs(x), np.abs(y)
    box = np.maximum(ax, ay) <= 1
    radius = np.hypot(x, y)
    u, v = np.abs(x + y), np.abs(x - y)
    rules: dict[str, Mask] = {
        "disc": radius <= 1,
        "square": np.maximum(ax, ay) <= 0.86,
        "triangle": box & (ax <= (y + 1) / 2),
        "wedge": box & (ax <= (1 - y) / 2),
        "diamond": ax + ay <= 1,
        "beam": (ax <= 1) & (ay <= 0.4),
        "post": (ax <= 0.4) & (ay <= 1),
        "plus": box & ((ax <= 0.34) | (ay <= 0.34)),
        "saltire": box & (np.minimum(u, v) <= 0.46),
        "star": (ax**0.62 + ay**0.62) <= 1,
        "heart": (np.hypot(ax - 0.5, y + 0.42) <= 0.5) | ((y > -0.42) & (ax * 1.42 + y <= 1)),
        "ring": (radius <= 1) & (radius >= 0.5),
        "frame": (np.maximum(ax, ay) <= 0.92) & (np.maximum(ax, ay) >= 0.46),
        "dome": (np.hypot(x, (y - 0.55) / 1.25) <= 1) & (y <= 0.55),
        "bowl": (np.hypot(x, (y + 0.55) / 1.25) <= 1) & (y >= -0.55),
        "arrow": box & ((y < 0.1) & (ax <= (y + 1) / 1.1) | (y >= 0.1) & (ax <= 0.36)),
        "dart": box & ((x > -0.1) & (ay <= (1 - x) / 1.1) | (x <= -0.1) & (ay <= 0.36)),
        "corner": box & ((x <= -0.35) | (y >= 0.35)),
        "tee": box & ((y <= -0.38) | (ax <= 0.34)),
        "cup": box & ((ax >= 0.42) | (y >= 0.42)),
        "hourglass": box & (ax <= np.maximum(ay, 0.16)),
        "bowtie": box & (ay <= np.maximum(ax, 0.16)),
        "pillars": box & (ax >= 0.36) & (ax <= 1),
        "slabs": box & (ay >= 0.36),
        "dice": np.hypot(ax - 0.56, ay - 0.56) <= 0.44,
    }
    return rules[shape]

"""Render looks as 32x32 RGB images: a pure function of (look, seed), anti-aliased."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from iceb.mini.figures import person_layers
from iceb.mini.layers import SIDE, Layer, Mask, Plane, axes, lay_over
from iceb.mini.strokes import FRAME, ROOM, draw_frame, draw_strokes, tint_ground
from iceb.mini.world import COLOURS, PLAIN, SCENES, SIZES, Look, Thing

HALF_SIZE = (6.7, 7.3)  # half extent of each of two objects in pixels


def render(look: Look, seed: int) -> NDArray[np.uint8]:
    """Draw one image, (32, 32, 3) uint8. Place, extent and ground vary with the seed."""
    draw = np.random.default_rng(seed)
    ground = _ground(look.scene, draw)  # (32, 32, 3)
    ground = tint_ground(ground, look.style) if look.style else ground
    image, covered = lay_over(ground, _layers(look, draw))
    if look.style:
        image = draw_frame(draw_strokes(image, look.style, covered), look.style)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def _layers(look: Look, draw: np.random.Generator) -> list[Layer]:
    """The layers of the person, of the two objects or of the one object that the image shows."""
    room, frame = (ROOM, FRAME) if look.style else (1.0, 0)
    if look.person:
        centre = SIDE / 2 + draw.uniform(-1, 1, size=2)
        return person_layers(look.person, centre, room * draw.uniform(0.95, 1.05), draw)
    if look.shape is None:
        return []
    first = Thing(look.shape, look.colour, look.pattern)
    if look.second:
        pair = enumerate((first, look.second))
        return [
            layer
            for side, thing in pair
            for layer in _object(thing, _beside(side, draw, frame), room * draw.uniform(*HALF_SIZE))
        ]
    low, high = SIZES[look.size]
    half = room * draw.uniform(low, high)
    slack = min(3.0, SIDE / 2 - frame - half - 0.5)
    return _object(first, SIDE / 2 + draw.uniform(-slack, slack, size=2), half)


def _beside(side: int, draw: np.random.Generator, frame: int) -> Plane:
    """Centre of the left (0) or right (1) one of two objects, downwards and to the right."""
    across = SIDE / 2 + (side - 0.5) * (SIDE / 2 - frame)
    return np.asarray((SIDE / 2, across)) + draw.uniform((-3, -0.5), (3, 0.5))


def _object(thing: Thing, centre: Plane, half: float) -> list[Layer]:
    """The two tones of an object around `centre`; its half extent is `half`."""
    x, y = axes(centre)
    inside = _inside(thing.shape, x / np.float32(half), y / np.float32(half))  # (128, 128)
    second = inside & _second_tone(thing.pattern, x, y)
    return list(zip((inside & ~second, second), _tones(thing.colour), strict=True))


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
    rules: dict[str, Callable[[], Mask]] = {
        "disc": lambda: radius <= 1,
        "square": lambda: np.maximum(ax, ay) <= 0.86,
        "triangle": lambda: box & (ax <= (y + 1) / 2),
        "wedge": lambda: box & (ax <= (1 - y) / 2),
        "diamond": lambda: ax + ay <= 1,
        "beam": lambda: (ax <= 1) & (ay <= 0.4),
        "post": lambda: (ax <= 0.4) & (ay <= 1),
        "plus": lambda: box & ((ax <= 0.34) | (ay <= 0.34)),
        "saltire": lambda: box & (np.minimum(u, v) <= 0.46),
        "star": lambda: (ax**0.62 + ay**0.62) <= 1,
        "heart": lambda: (np.hypot(ax - 0.5, y + 0.42) <= 0.5) | ((y > -0.42) & (ax * 1.42 + y <= 1)),
        "ring": lambda: (radius <= 1) & (radius >= 0.5),
        "frame": lambda: (np.maximum(ax, ay) <= 0.92) & (np.maximum(ax, ay) >= 0.46),
        "dome": lambda: (np.hypot(x, (y - 0.55) / 1.25) <= 1) & (y <= 0.55),
        "bowl": lambda: (np.hypot(x, (y + 0.55) / 1.25) <= 1) & (y >= -0.55),
        "arrow": lambda: box & ((y < 0.1) & (ax <= (y + 1) / 1.1) | (y >= 0.1) & (ax <= 0.36)),
        "dart": lambda: box & ((x > -0.1) & (ay <= (1 - x) / 1.1) | (x <= -0.1) & (ay <= 0.36)),
        "corner": lambda: box & ((x <= -0.35) | (y >= 0.35)),
        "tee": lambda: box & ((y <= -0.38) | (ax <= 0.34)),
        "cup": lambda: box & ((ax >= 0.42) | (y >= 0.42)),
        "hourglass": lambda: box & (ax <= np.maximum(ay, 0.16)),
        "bowtie": lambda: box & (ay <= np.maximum(ax, 0.16)),
        "pillars": lambda: box & (ax >= 0.36) & (ax <= 1),
        "slabs": lambda: box & (ay >= 0.36),
        "dice": lambda: np.hypot(ax - 0.56, ay - 0.56) <= 0.44,
    }
    return rules[shape]()

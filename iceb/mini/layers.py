"""Layers of an image: flat shapes of one colour, laid over a ground with anti-aliased edges."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # pixels
FINE = 4  # samples per pixel and axis
Plane = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Layer = tuple[Mask, Plane]  # where, (128, 128), and which colour, (3,)


def axes(centre: Sequence[float] | Plane) -> tuple[Plane, Plane]:
    """The samples' distances from `centre` (downwards, to the right) in pixels: x and y, (128, 128) each."""
    axis = (np.arange(SIDE * FINE, dtype=np.float32) + 0.5) / FINE
    y, x = np.meshgrid(axis - np.float32(centre[0]), axis - np.float32(centre[1]), indexing="ij")
    return x, y


def without_overlap(layers: Sequence[Layer]) -> list[Layer]:
    """Cut from every layer what a later one hides."""
    found: list[Layer] = []
    hidden = np.zeros((SIDE * FINE, SIDE * FINE), dtype=bool)
    for mask, tone in reversed(layers):
        found.append((mask & ~hidden, tone))
        hidden |= mask
    return found[::-1]


def lay_over(ground: Plane, layers: Sequence[Layer]) -> tuple[Plane, Plane]:
    """Lay layers that do not overlap over the ground, (32, 32, 3).

    Also returns how much of each pixel they cover, (32, 32, 1).
    """
    image, covered = ground, np.zeros((SIDE, SIDE, 1), dtype=np.float32)
    for mask, tone in layers:
        cover = mask.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3), dtype=np.float32)[..., None]  # (32, 32, 1)
        image = image + (tone - ground) * cover
        covered = covered + cover
    return image, covered

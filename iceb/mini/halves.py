"""Cut an image of two objects into two images of one object each."""

import numpy as np
from numpy.typing import NDArray

from iceb.mini.layers import SIDE


def halves(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Put the left and the right half into the middle of an image each, (32, 32, 3).

    The rest is filled with ground, as the half's first and last row show it: a ground of the world changes evenly
    downwards, and objects reach neither row. So a half of an image without a style becomes an image of one object, a
    bit smaller than a small one.
    """
    left, right = (_fill(half) for half in np.split(image, 2, axis=1))
    return left, right


def _fill(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put half an image, (32, 16, 3), onto its ground, (32, 32, 3)."""
    column = np.linspace(half[0].mean(axis=0), half[-1].mean(axis=0), SIDE)  # (32, 3)
    image = np.repeat(column.round().astype(np.uint8)[:, None], SIDE, axis=1)
    image[:, SIDE // 4 : -SIDE // 4] = half
    return image

"""Augmentation of anchor images: shrunk on a canvas or zoomed in, with a mask of latent cells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.ablation.randomness import RandomSource

SMALL = ("a far away ", "very small ")
LARGE = ("zoomed in ", "close up ")
SHRUNK = 0.66  # how often the diffusers code shrinks; the CompVis code does in two of three draws
SAID = 0.6  # of the canvas: below this size the prompt says that the object is small
LEAST_CELLS = 3  # latent cells: the mask loses one on each side, and one must be left


@dataclass(frozen=True)
class View:
    """Placement of an image on the canvas, in pixels."""

    scale: int  # side the image is resized to
    top: int = 0  # of the image on the canvas, or, where it is larger than that, of the canvas on the image
    left: int = 0
    masked: bool = True  # False: every latent cell counts
    prefix: str = ""  # the prompt's prefix about the size


def view(rng: RandomSource, size: int, variant: str, augment: bool) -> View:
    """Draw a random view, as one of the two code bases does.

    Args:
        chance: where the draws come from.
        size: side of the canvas in pixels.
        variant: "diffusers" or "compvis".
        augment: False: the image fills the canvas; the diffusers code then still masks a border of one latent cell.
    """
    if variant == "compvis":
        return _compvis(rng, size) if augment else View(size, masked=False)
    scale = _scale(rng, size, rng.uniform() < SHRUNK) if augment else size
    room = abs(size - scale) + 1
    top, left = rng.randint(0, room), rng.randint(0, room)
    return View(scale, top, left, scale <= size, _prefix(rng, scale, size))


def _scale(rng: RandomSource, size: int, shrunk: bool) -> int:
    return rng.randint(size // 3, size + 1) if shrunk else rng.randint(int(1.2 * size), int(1.4 * size))


def _prefix(rng: RandomSource, scale: int, size: int) -> str:
    if scale < SAID * size:
        return rng.choice(SMALL)
    return rng.choice(LARGE) if scale > size else ""


def _compvis(rng: RandomSource, size: int) -> View:
    scale = _scale(rng, size, rng.randint(0, 3) < 2)
    scale += scale % 2
    if SAID * size <= scale <= size:
        return View(size, masked=False)
    prefix = _prefix(rng, scale, size)
    half, (least, most) = min(scale, size) // 2, sorted((scale, size))
    row, column = (rng.randint(half, most - least // 2 + 1) for _ in range(2))
    return View(scale, row - half, column - half, scale < size, prefix)


def check_size(size: int, factor: int) -> None:
    """Refuse images that are too small to be shrunk.

    Raises:
        MethodError: the smallest view would leave no latent cell to train on.
    """
    if size // 3 // factor < LEAST_CELLS:
        raise MethodError(
            f"ablation augment on images of {size} pixels: the smallest view is {size // 3} pixels, "
            f"at least {LEAST_CELLS * factor} are needed; set augment=false"
        )


def place_image(
    image: "np.ndarray[Any, Any]", seen: View, size: int, factor: int, variant: str
) -> tuple[Tensor, Tensor]:
    """Place an image as a view says, and mask the latent cells that count.

    Args:
        image: (H, W, 3) uint8, square.
        seen: where it lies.
        size: side of the canvas in pixels.
        factor: pixels per latent cell.
        variant: the code base; "diffusers" resizes by Lanczos, "compvis" by bicubic interpolation.

    Returns:
        (3, size, size) in [−1, 1], 0 where the canvas is empty; (1, size / factor, size / factor) of 0 and 1. A cell
        counts if it and its neighbours lie inside the image.
    """
    resized = _resize(image, seen.scale, variant)
    cells = size // factor
    mask = torch.zeros(1, cells, cells) if seen.masked else torch.ones(1, cells, cells)
    if seen.scale > size:
        return resized[:, seen.top : seen.top + size, seen.left : seen.left + size].clone(), mask
    canvas = torch.zeros(3, size, size)
    canvas[:, seen.top : seen.top + seen.scale, seen.left : seen.left + seen.scale] = resized
    if seen.masked:
        rows, columns = (slice(at // factor + 1, (at + seen.scale) // factor - 1) for at in (seen.top, seen.left))
        mask[:, rows, columns] = 1
    return canvas, mask


def _resize(image: "np.ndarray[Any, Any]", side: int, variant: str) -> Tensor:
    """(3, side, side) float32 in [−1, 1]."""
    from PIL import Image

    kind = Image.Resampling.BICUBIC if variant == "compvis" else Image.Resampling.LANCZOS
    pixels = np.array(Image.fromarray(image).resize((side, side), kind))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1

"""Measures of an image's two halves, ground and object size in the embedded world.

They read images of mini alone: objects stand left and right there, on even grounds. Stable Diffusion's images have no
such order, so no family of it names a measure of these kinds.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from iceb.base.digest import digest
from iceb.metrics.measures.checks import check_images
from iceb.metrics.measures.classifier import MiniProbability
from iceb.mini.composed import SCENE_NAMES, SIZE_NAMES
from iceb.mini.halves import halves
from iceb.mini.layers import SIDE
from iceb.mini.world import PLAIN, SCENES
from iceb.specs.metrics import Inputs, MeasureInput

SPREAD = 8.0  # levels of 255; the world shifts a ground by up to 6
SHOWS = 40.0  # levels by which a pixel of an object differs from the ground
BOUNDS = (20.5, 26.0)  # pixels of an object's longer side between small, medium and large
PLAIN_GROUND = ((228, 228, 230), (228, 228, 230))
Floats = npt.NDArray[np.float32]


class MiniHalves:
    """p(class | half) of the left and the right half of an image, 2 · 1 000 numbers, by mini's ViT twin.

    On the halves of rendered images of two objects it is right in 99 % (`iceb/mini/weights/report.json`).
    """

    id: ClassVar[str] = "halves_mini@1"
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self._judge = MiniProbability(device=device)

    @property
    def revision(self) -> str:
        """The digest of the twin's weights."""
        return self._judge.revision

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Probabilities (N, 2000) float32 of N images, the left half's first.

        Raises:
            MeasureError: an image is not RGB bytes, or the network failed.
        """
        shown = [_at_side(image) for image in check_images(self.id, [each.image for each in inputs])]
        cut = [MeasureInput(half) for image in shown for half in halves(image)]
        return self._judge(cut).reshape(len(inputs), -1)


def _at_side(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """An image at the size of the world; of mini it has that already."""
    if image.shape[:2] == (SIDE, SIDE):
        return image
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


class MiniScene:
    """The ground of an image, one of 13, and the size of its object: shares that sum to 1, and 3 flags."""

    id: ClassVar[str] = "scene_mini@1"
    revision: ClassVar[str] = digest([SPREAD, SHOWS, BOUNDS, SCENES, PLAIN_GROUND])
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device  # formulas on pixels run on the CPU

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Numbers (N, 16) float32 of N images, by `iceb.mini.composed.SCENE_NAMES` and `SIZE_NAMES`.

        Raises:
            MeasureError: an image is not RGB bytes.
        """
        found = [_row(image) for image in check_images(self.id, [each.image for each in inputs])]
        width = len(SCENE_NAMES) + len(SIZE_NAMES)
        return np.stack(found) if found else np.zeros((0, width), np.float32)


def _row(image: npt.NDArray[np.uint8]) -> Floats:
    pixels = image.astype(np.float64)
    top, bottom = np.median(pixels[0], axis=0), np.median(pixels[-1], axis=0)  # objects hardly reach these rows
    apart = np.array([_distance(name, top, bottom) for name in SCENE_NAMES])
    weights = np.exp(-(apart - apart.min()) / (2 * SPREAD**2))
    sizes = np.zeros(len(SIZE_NAMES))
    sizes[int(np.searchsorted(BOUNDS, _longer_side(pixels, top, bottom)))] = 1
    return np.concatenate([weights / weights.sum(), sizes]).astype(np.float32)


def _distance(name: str, top: npt.NDArray[Any], bottom: npt.NDArray[Any]) -> float:
    """The squared distance of the first and the last row to those of a ground."""
    first, last = PLAIN_GROUND if name == PLAIN else SCENES[name]
    return float(((top - first) ** 2).mean() + ((bottom - last) ** 2).mean())


def _longer_side(pixels: npt.NDArray[np.float64], top: npt.NDArray[Any], bottom: npt.NDArray[Any]) -> float:
    """The longer side of the box around what is not ground, in pixels."""
    weight = np.linspace(0, 1, len(pixels))[:, None]
    ground = top * (1 - weight) + bottom * weight  # (height, 3)
    shown = np.abs(pixels - ground[:, None]).max(axis=2) > SHOWS
    spans = [np.flatnonzero(shown.any(axis=axis)) for axis in (0, 1)]
    return float(max(span[-1] - span[0] + 1 if len(span) else 0 for span in spans))

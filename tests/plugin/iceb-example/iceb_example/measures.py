"""Two measures: one reads an image alone, the other an image and the colours that its prompt offers."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageColor

from iceb.base.errors import MeasureError
from iceb.specs.metrics import Inputs, MeasureInput

SIDE = 16  # pixels of the reduced image that is looked at
SHARPNESS = 8.0  # how fast the likelihood of a colour falls with its distance


class ColourClasses:
    """A stand-in for a classifier: 1000 probabilities that depend on an image's colours, and on nothing else."""

    id: ClassVar[str] = "colour_classes@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __call__(self, inputs: Sequence[MeasureInput]) -> np.ndarray[Any, Any]:
        """Probabilities (N, 1000) of N images."""
        if not inputs:
            return np.zeros((0, 1000), np.float32)
        flat = np.stack([_reduce(each.image).reshape(-1) for each in inputs])  # (N, numbers)
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], 1000))
        return _likelihoods((flat - flat.mean(axis=1, keepdims=True)) @ weights)


class ColourWords:
    """How well an image's most saturated part fits each colour word that its prompt offers as a choice."""

    id: ClassVar[str] = "colour_words@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[Inputs] = "image+text"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __call__(self, inputs: Sequence[MeasureInput]) -> np.ndarray[Any, Any]:
        """Likelihoods (N, choices) of N images, whose prompts offer equally many choices.

        Raises:
            MeasureError: a prompt offers no choices, or another number than the first.
        """
        offered = [each.prompt.choices if each.prompt else () for each in inputs]
        if len({len(choices) for choices in offered}) > 1 or not all(offered):
            raise MeasureError(f"measure {self.id} needs prompts that offer equally many colours as choices")
        rows = [_fit(each.image, choices) for each, choices in zip(inputs, offered, strict=True)]
        return _likelihoods(np.stack(rows)) if rows else np.zeros((0, 0), np.float32)


def _reduce(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An image of any size as (SIDE, SIDE, 3) in [0, 1]."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX), np.float64) / 255


def _fit(image: np.ndarray[Any, Any], choices: Sequence[str]) -> np.ndarray[Any, Any]:
    """(choices,) minus the distance of the most saturated quarter's mean colour to each named colour."""
    pixels = _reduce(image).reshape(-1, 3)
    saturation = pixels.max(axis=1) - pixels.min(axis=1)
    shown = pixels[np.argsort(saturation)[-len(pixels) // 4 :]].mean(axis=0)
    named = np.array([ImageColor.getrgb(choice) for choice in choices], np.float64) / 255
    distances: np.ndarray[Any, Any] = -SHARPNESS * np.linalg.norm(named - shown, axis=1)
    return distances


def _likelihoods(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The softmax of each row, float32."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

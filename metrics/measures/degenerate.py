"""Degenerate images: blank, noise, blobs of colour, or not finite; formulas on pixels, no network.

A model that emits such images has erased nothing. Each test is relative to the image's own size and contrast, so that
one set of bounds holds for images of 32 and of 512 pixels. A drawn image is bytes: where a model gave NaN it is black,
and counts as blank; only floats from elsewhere are found as not finite. The bounds lie in gaps:
`tests/unit/test_degenerate.py` has what sound images and seeded faults give.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.digest import digest
from iceb.base.errors import MeasureError
from iceb.specs.degenerate import KINDS
from iceb.specs.metrics import Inputs, MeasureInput

LEAST_CONTRAST = 16.0  # levels of 255 between the 0.5 % and the 99.5 % quantile of the channel with the most
LEAST_CORRELATION = 0.25  # of neighbouring pixels, at every scale from the image's own down to `COARSEST`
LEAST_EDGE = 0.17  # the 99 % quantile of steps between neighbours at `EDGE_SIDE` pixels, as a share of the contrast
COARSEST = 16  # pixels of the shorter side
EDGE_SIDE = 32  # pixels of the shorter side at which edges are looked for; blobs are smooth there
OUTER = 0.005  # share of pixels that the contrast leaves out at each end
LEVELS = 8  # of a channel, by which colours are told apart
MOST_COLOURS = 5.3  # bits of the colours of a small image whose far pixels are not alike
FAR, ALIKE = 6, 0.8  # pixels apart; bound of their correlation and that of neighbours at a quarter of the size, summed
SMALL = 64  # pixels; larger images show a model's noise by the correlation at the scale of its latents
SAMPLED = 128  # pixels of the shorter side that the contrast is taken of, evenly over the image

Floats = npt.NDArray[np.float64]


class Degenerate:
    """Whether an image is not finite, blank, noise, or blobs: four flags, at most one of them 1, and why.

    Behind the flags stand the contrast, the correlation of neighbours, the edges as a share of the contrast, and of a
    small image without order the bits of its colours.
    """

    id: ClassVar[str] = "degenerate@1"
    revision: ClassVar[str] = digest(
        [
            *(LEAST_CONTRAST, LEAST_CORRELATION, LEAST_EDGE, COARSEST, EDGE_SIDE, OUTER, SAMPLED),
            *(MOST_COLOURS, FAR, ALIKE, SMALL),
        ]
    )
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device  # formulas on pixels run on the CPU

    def __call__(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[np.float32]:
        """Flags in the order of `KINDS` and four statistics, (N, 8) float32 of N images.

        Raises:
            MeasureError: an image is not (height, width, 3).
        """
        found = [_row(each.image) for each in inputs]
        return np.stack(found) if found else np.zeros((0, len(KINDS) + 4), np.float32)


def flags(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """One image's flags, (4,), in the order of `KINDS`: the first fault that is found, or none.

    Args:
        image: (height, width, 3), bytes or floats on the scale of 0 to 255.

    Raises:
        MeasureError: it has another shape.

    >>> flags(np.full((8, 8, 3), 255, np.uint8)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    return _row(image)[: len(KINDS)]


def statistics(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Contrast, correlation of neighbours, edges per contrast, clutter, (4,); 0 of what is not finite.

    Raises:
        MeasureError: the image is not (height, width, 3).
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise MeasureError(f"measure degenerate got an image of shape {image.shape}: needs (height, width, 3)")
    pixels = image.astype(np.float64)
    if not np.isfinite(pixels).all():
        return np.zeros(4, np.float32)
    contrast = contrast_of(pixels)
    edge = edge_of(pixels) / max(contrast, 1.0)
    return np.array([contrast, correlation_of(pixels), edge, clutter_of(pixels)], np.float32)


def _row(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The flags and statistics of one image, (8,)."""
    numbers = statistics(image)
    fault = _fault(*numbers.tolist()) if np.isfinite(image).all() else "non_finite"
    return np.array([*(kind == fault for kind in KINDS), *numbers], np.float32)


def _fault(contrast: float, correlation: float, edge: float, clutter: float) -> str | None:
    if contrast < LEAST_CONTRAST:
        return "blank"
    if correlation < LEAST_CORRELATION:
        return "noise"
    if edge < LEAST_EDGE:
        return "blobs"
    return "noise" if clutter > MOST_COLOURS else None


def contrast_of(image: Floats) -> float:
    """The range of the channel with the most, without the outermost pixels."""
    step = max(1, min(image.shape[:2]) // SAMPLED)
    channels = np.sort(image[::step, ::step].reshape(-1, 3).T, axis=1)
    return float((quantile(channels, 1 - OUTER) - quantile(channels, OUTER)).max())


def correlation_of(image: Floats) -> float:
    """The least correlation of neighbouring pixels over scales: near 0 for noise of a grain of any size."""
    found = [_neighbours(image)]
    while min(image.shape[:2]) >= 2 * COARSEST:
        image = shrink(image, 2)
        found.append(_neighbours(image))
    return min(found)


def _neighbours(image: Floats) -> float:
    centred = image - image.mean(axis=(0, 1))
    variance = _mean(centred**2)
    return _likeness(centred, 1) / 2 / variance if variance else 1.0


def _likeness(centred: Floats, apart: int) -> float:
    """The covariance of pixels so far apart, down and across, summed."""
    down, across = centred[apart:] * centred[:-apart], centred[:, apart:] * centred[:, :-apart]
    return _mean(down) + _mean(across)


def _mean(numbers: Floats) -> float:
    """The mean as numpy has it, in a third of the time for small arrays."""
    return float(np.add.reduce(numbers, axis=None)) / numbers.size


def edge_of(image: Floats) -> float:
    """The 99 % quantile of steps between neighbours, of the channel with the largest, at a small size."""
    small = shrink(image, max(1, min(image.shape[:2]) // EDGE_SIDE))
    steps = [np.abs(each).max(axis=2).ravel() for each in (small[1:] - small[:-1], small[:, 1:] - small[:, :-1])]
    return float(quantile(np.sort(np.concatenate(steps)), 0.99))


def quantile(ordered: Floats, share: float) -> Floats:
    """Quantiles of numbers in ascending order along the last axis, to the bit those of `np.quantile`.

    >>> float(quantile(np.array([0.0, 1.0, 4.0]), 0.75))
    2.5
    """
    at = (ordered.shape[-1] - 1) * share
    low = int(at)
    rest, first = at - low, ordered[..., low]
    last = ordered[..., min(low + 1, ordered.shape[-1] - 1)]
    found: Floats = first + (last - first) * rest if rest < 0.5 else last - (last - first) * (1 - rest)
    return found


def clutter_of(image: Floats) -> float:
    """The bits of the colours of a small image whose parts are not alike, many of decoded noise; else 0.

    A small model's latents are too few for their noise to show by correlation alone. Images of the embedded world have
    few colours; a photograph of 32 pixels may have as many as noise, so larger images are not looked at.
    """
    if min(image.shape[:2]) >= SMALL or min(image.shape[:2]) <= FAR:
        return 0.0
    centred = image - image.mean(axis=(0, 1))
    far = _likeness(centred, FAR) / 2 / max(_mean(centred**2), 1e-9)
    if far + _neighbours(shrink(image, 4)) >= ALIKE:
        return 0.0
    red, green, blue = (image // (256 // LEVELS)).reshape(-1, 3).T
    _, counts = np.unique((red * LEVELS + green) * LEVELS + blue, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def shrink(image: Floats, factor: int) -> Floats:
    """The means of blocks of `factor` by `factor` pixels; a rest at the lower and right edge is left out."""
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[:2])
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    found: Floats = blocks.mean(axis=(1, 3))
    return found

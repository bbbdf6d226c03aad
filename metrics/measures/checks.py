"""Checks of the images that go into a measure, and of the numbers that come out."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def check_images(measure: str, images: Sequence[Pixels]) -> Iterator[Pixels]:
    """Yield the images.

    Raises:
        MeasureError: one of them is not RGB bytes.
    """
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise MeasureError(f"measure {measure} got {image.dtype} {image.shape}: needs uint8 (height, width, 3)")
        yield image


def check_rows(measure: str, found: npt.NDArray[Any], shape: tuple[int, int]) -> Floats:
    """Return the rows of numbers.

    Raises:
        MeasureError: they have another shape, or are not all finite.
    """
    if found.shape != shape or not np.isfinite(found).all():
        raise MeasureError(
            f"measure {measure} gave shape {found.shape} with {int((~np.isfinite(found)).sum())} numbers that are "
            f"not finite: expected finite {shape}"
        )
    return found.astype(np.float32, copy=False)

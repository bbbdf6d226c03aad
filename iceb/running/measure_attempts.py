"""Show images to a measure; if a batch fails, each image is tried alone.

What ends a run instead: weights that cannot be loaded, memory that does not suffice for one image, and rows of another
shape than a measure may give, since these say nothing of one image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from iceb.base.errors import IcebError, MeasureError
from iceb.base.frames import describe
from iceb.base.out_of_memory import out_of_memory
from iceb.specs.metrics import Measure, MeasureInput
from iceb.stores.arrays import Array


@dataclass(frozen=True)
class FailedRow:
    """Outcome of an image that a measure failed on; never stored, so that the next run tries it anew."""

    reason: str


MeasuredRow: TypeAlias = Array | FailedRow  # the numbers (width,), or why there are none


class RowShapeError(MeasureError):
    """Rows of a shape that no measure may give: a fault of the measure, whatever the image."""


def measure_images(measure: Measure, inputs: Sequence[MeasureInput]) -> list[MeasuredRow]:
    """Measure some images; those that fail also when shown alone have their reason in place of a row.

    Raises:
        RowShapeError: the measure gave rows of another shape than it may.
        IcebError: the measure cannot work at all, for example since its weights are not there.
    """
    try:
        return _rows(measure, inputs)
    except RowShapeError:
        raise
    except MeasureError as error:
        if len(inputs) == 1:
            return [FailedRow(str(error))]
    return [row for each in inputs for row in measure_images(measure, [each])]


def _rows(measure: Measure, inputs: Sequence[MeasureInput]) -> list[MeasuredRow]:
    try:
        values = np.asarray(measure(inputs), dtype=np.float32)
    except IcebError:
        raise
    except Exception as error:  # a third-party measure may raise anything
        if out_of_memory(error):
            raise  # the caller tries again with fewer
        raise MeasureError(f"measure {measure.id} raised {describe(error)}") from error
    if values.ndim != 2 or len(values) != len(inputs):
        raise RowShapeError(
            f"measure {measure.id} gave shape {values.shape} for {len(inputs)} images: must be (images, width)"
        )
    lost = FailedRow(f"measure {measure.id} gave NaN or infinity")
    return [row if np.isfinite(row).all() else lost for row in values]

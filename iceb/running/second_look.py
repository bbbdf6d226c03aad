"""Show images to a second measure while the first has them decoded.

Reading them again would cost a pass of its own.
"""

import threading
from collections.abc import Iterable, Sequence

from iceb.specs.metrics import Measure, MeasureInput
from iceb.specs.prompts import ImageKey


class SecondLook:
    """Images that a measure is still to look at; threads may share one.

    Args:
        measure: reads images alone.
        images: their keys.
    """

    def __init__(self, measure: Measure, images: Iterable[ImageKey]) -> None:
        self.measure = measure
        self._left = set(images)
        self._lock = threading.Lock()

    def take(self, images: Sequence[ImageKey], inputs: Sequence[MeasureInput]) -> dict[ImageKey, MeasureInput]:
        """Return what the measure is to look at of some decoded images, by key; each image is returned once."""
        with self._lock:
            decoded = zip(images, inputs, strict=True)
            mine = {key: MeasureInput(each.image) for key, each in decoded if key in self._left}
            self._left -= set(mine)
        return mine

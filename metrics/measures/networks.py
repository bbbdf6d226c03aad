"""Base of measures by a network: batches of images of one size, checked rows, clear errors."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import IcebError, MeasureError
from iceb.base.frames import describe
from iceb.base.out_of_memory import out_of_memory
from iceb.metrics.measures.checks import check_images, check_rows
from iceb.specs.metrics import Inputs, MeasureInput

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class NetworkMeasure:
    """A measure whose rows come from a network, batch by batch; a subclass loads it and asks it.

    Args:
        network: what `_rows` asks; None for the measure's own, loaded when the first image is measured.
        device: where it runs.
    """

    id: ClassVar[str]
    inputs: ClassVar[Inputs]
    width: ClassVar[int]  # numbers of a row
    batch: ClassVar[int] = 32  # inputs of one forward pass

    def __init__(self, network: Any = None, device: str = "cpu") -> None:
        self.device = device
        self._given = network

    @cached_property
    def network(self) -> Any:
        """The network that is asked for rows."""
        return self._load() if self._given is None else self._given

    @property
    def revision(self) -> str:
        """The digest of the weights, known without loading them; "given" for a network passed in."""
        return self._pin() if self._given is None else "given"

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Numbers (N, width) float32 of N inputs.

        Raises:
            MeasureError: an image is not RGB bytes, the network failed, or a number is not finite.
            ModelError: the network cannot be loaded.
        """
        found = np.zeros((len(inputs), self.width), np.float32)
        for places in batches_of_one_size(inputs, self.batch):
            found[places] = self._measure([inputs[place] for place in places])
        return found

    def _measure(self, inputs: Sequence[MeasureInput]) -> Floats:
        list(check_images(self.id, [each.image for each in inputs]))
        try:
            found = self._rows(inputs)
        except IcebError:
            raise
        except Exception as error:  # libraries of detectors raise their own kinds
            if out_of_memory(error):
                raise  # the caller may retry with fewer
            raise MeasureError(f"measure {self.id} failed on {len(inputs)} images: {describe(error)}") from error
        return check_rows(self.id, found, (len(inputs), self.width))

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _load(self) -> Any:
        raise NotImplementedError

    def _pin(self) -> str:
        raise NotImplementedError


def batches_of_one_size(inputs: Sequence[MeasureInput], most: int) -> Iterator[list[int]]:
    """Places of inputs with images of one size, at most `most` at once.

    >>> small, large = (MeasureInput(np.zeros((size, size, 3), np.uint8)) for size in (8, 16))
    >>> list(batches_of_one_size([small, large, small, small], 2))
    [[0, 2], [3], [1]]
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, each in enumerate(inputs):
        alike.setdefault(each.image.shape, []).append(place)
    for places in alike.values():
        yield from (places[start : start + most] for start in range(0, len(places), most))


def images_before(measure: str, inputs: Sequence[MeasureInput]) -> list[Pixels]:
    """The images before the edit, each of the size of the one after.

    Raises:
        MeasureError: one is missing, is not RGB bytes, or has another size.
    """
    found = []
    for each in inputs:
        if each.before is None:
            raise MeasureError(f"measure {measure} got an image alone: needs the one before the edit beside it")
        if each.before.shape != each.image.shape:
            raise MeasureError(
                f"measure {measure} got images of {each.image.shape[:2]} and {each.before.shape[:2]} pixels: a pair "
                "must be of one size"
            )
        found.append(each.before)
    return list(check_images(measure, found))

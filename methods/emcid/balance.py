"""Search the shares of a balancing request's destinations (arXiv:2403.13807).

Each round edits, draws and judges.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MethodError
from iceb.methods.emcid.settings import ShareSearch
from iceb.specs.methods import Bundle, MethodContext
from iceb.specs.metrics import Measure, MeasureInput
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditRequest

PROMPT = "an image of {}"  # what the authors draw in their search
SLACK = 1e-9  # of the comparison with the tolerance, unless it is made as the authors make it
Parts: TypeAlias = list[float]  # of the images, one for each destination; likewise shares


def search_shares(count: int, measure: Callable[[Parts], Parts], settings: ShareSearch) -> Parts:
    """Search the shares with which every destination is drawn equally often.

    In round i the step is multiplied by 1 - i / rounds; a destination drawn too often loses step · excess of its share,
    and the shares are brought back to a sum of 1. The last round's shares are not drawn again.

    Args:
        count: destinations.
        measure: the part of the images that shows each destination, given the shares.
    """
    shares, step = [1 / count] * count, settings.step
    slack = 0.0 if settings.published_stop else SLACK
    for done in range(settings.rounds):
        step -= step / settings.rounds * done
        excess = [part - 1 / count for part in measure(shares)]
        if max(map(abs, excess)) <= settings.tolerance + slack:
            return shares
        moved = [max(share - step * extra, 0.0) for share, extra in zip(shares, excess, strict=True)]
        shares = [share / sum(moved) for share in moved]
    return shares


class DrawnParts:
    """Measures which part of a request's images shows each destination.

    Args:
        judge: by image and choices; the largest number of a row is what the image shows.
        images: drawn one after the other from one generator, so that every round sees the same noise.
    """

    def __init__(self, context: MethodContext, judge: Measure, images: int) -> None:
        self.context, self.judge, self.images = context, judge, images

    def __call__(self, edited: AbstractContextManager[Bundle], request: EditRequest) -> Parts:
        """The part of each destination in images of a model that is edited meanwhile.

        Raises:
            MethodError: the judge gave other than one number for each destination.
        """
        text = PROMPT.format(request.source)
        noise = [NoiseDraw(request.seed, (1,) * (place + 1)) for place in range(self.images)]
        with edited as model:
            drawn = self.context.draw(model, [text] * self.images, noise)
        asked = Prompt(text, 0, "measured", choices=request.dests)
        rows = np.asarray(self.judge([MeasureInput(image, prompt=asked) for image in drawn]))
        if rows.shape != (self.images, len(request.dests)):
            raise MethodError(
                f"judge {self.judge.id} gave shape {rows.shape} for {self.images} images and {len(request.dests)} "
                "destinations: name a measure with one number for each choice"
            )
        return counted_parts(rows.argmax(axis=1), len(request.dests))


def counted_parts(shown: "Sequence[int] | npt.NDArray[np.int64]", count: int) -> Parts:
    """Return the part of each of `count` classes among what images show.

    >>> counted_parts([0, 1, 1, 1], 2)
    [0.25, 0.75]
    """
    found = np.bincount(np.asarray(shown), minlength=count)
    return [int(number) / len(shown) for number in found]

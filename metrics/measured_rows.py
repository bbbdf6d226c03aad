"""Read measured rows: those of one concept, and one number for each choice of an image's prompt."""

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.rows import rows_by_concept
from iceb.specs.metrics import Measured

Floats = npt.NDArray[np.float64]


def choice_numbers(side: Measured) -> Floats:
    """The number of each choice, (n, choices) float64; all prompts have as many.

    Raises:
        MeasureError: the rows are of another width, or not finite.
    """
    counts = {len(prompt.choices) for prompt in side.prompts}
    if not counts:
        return np.zeros((0, 0))
    found: Floats = side.values.astype(np.float64)
    if counts != {found.shape[1]} or not np.isfinite(found).all():
        raise MeasureError(
            f"measure {side.measure} gave rows of {found.shape[1]} numbers for {', '.join(map(str, sorted(counts)))} "
            "choices: needs one finite number for each choice; nothing was scored"
        )
    return found


def nearest_choices(side: Measured) -> npt.NDArray[np.int64]:
    """The place of each image's largest number, the first of equal ones, (n,).

    Raises:
        MeasureError: as `choice_numbers`.
    """
    found = choice_numbers(side)
    return np.asarray(found.argmax(axis=1) if len(found) else [], dtype=np.int64)


def shared_rows(name: str, before: Measured, after: Measured) -> dict[tuple[str, int], list[int]]:
    """The rows of each concept and replicate, in order of first appearance.

    Raises:
        SpecError: the two sides are not of the same prompts.
    """
    if before.prompts != after.prompts:
        raise SpecError(f"metric {name}: before and after are not of the same prompts in the same order")
    return rows_by_concept(after.prompts)

"""Means of a measure's rows, concept by concept, on both sides of an edit."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.metrics.rows import rows_by_concept
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.reduction import ConceptValue

Floats: TypeAlias = npt.NDArray[np.float64]
SIDES = (BEFORE, AFTER)


def concept_means(part: str, rows: Mapping[str, Floats], side: Measured) -> Iterator[ConceptValue]:
    """The mean of each concept's rows on both sides, in order of first appearance."""
    for (concept, replicate), places in rows_by_concept(side.prompts).items():
        before, after = (float(rows[name][places].mean()) for name in SIDES)
        yield ConceptValue(concept, part, before, after, len(places), replicate)


def column_of(side: Measured, column: int) -> Floats:
    """A column of a side's rows, (N,) float64.

    Raises:
        MeasureError: a number of it is not finite.
    """
    if not side.prompts:
        return np.zeros(0)
    found: Floats = side.values[:, column].astype(np.float64)
    if not np.isfinite(found).all():
        raise MeasureError(f"measure {side.measure} gave a number that is not finite; nothing was scored")
    return found


def is_first_likeliest(side: Measured, last: int = -1) -> Floats:
    """Whether the first number of each row is above all others up to column `last`, 0 or 1."""
    if not side.prompts:
        return np.zeros(0)
    found: Floats = side.values[:, :last].astype(np.float64)
    return np.asarray(found[:, 0] > found[:, 1:].max(axis=1), np.float64)

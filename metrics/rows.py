"""Check a measure's rows, group them by concept and average them, for all metrics."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError, SpecError
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue

Floats: TypeAlias = npt.NDArray[np.float64]
Groups: TypeAlias = dict[tuple[str, int], list[int]]  # concept and replicate → its rows


def check_comparable(before: Measured, after: Measured) -> None:
    """Refuse two sides that cannot be compared prompt by prompt.

    Raises:
        SpecError: as it says.
    """
    if before.prompts != after.prompts or before.measure != after.measure:
        raise SpecError(
            f"before ({before.measure}, {len(before.prompts)} prompts) and after ({after.measure}, "
            f"{len(after.prompts)} prompts) are not of the same prompts in the same order under the same measure"
        )


def rows_by_concept(prompts: Sequence[Prompt]) -> Groups:
    """The rows of each concept and replicate, in order of first appearance."""
    rows: Groups = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault((prompt.cluster, prompt.replicate), []).append(row)
    return rows


def shared_rows(*sides: Measured) -> Groups:
    """The rows of each concept and replicate, of sides that can be compared.

    Raises:
        SpecError: as `check_comparable`.
    """
    for side in sides:
        check_comparable(side, sides[-1])
    return rows_by_concept(sides[-1].prompts)


def chosen_rows(side: Measured, rows: Sequence[int]) -> Measured:
    """Some rows of a side with their prompts, in this order."""
    return Measured(side.measure, side.values[list(rows)], tuple(side.prompts[row] for row in rows))


def concept_means(part: str, groups: Groups, numbers: Mapping[str, Floats]) -> tuple[ConceptValue, ...]:
    """The mean of each concept's numbers on the sides that there are; without rows, none.

    Args:
        part: their prompts' name in per-concept tables and notes.
        groups: the rows of each concept and replicate.
        numbers: of each image, (N,), by side.
    """
    return tuple(
        ConceptValue(
            concept, part, _mean(numbers.get(BEFORE), rows), _mean(numbers.get(AFTER), rows), len(rows), replicate
        )
        for (concept, replicate), rows in groups.items()
    )


def means_of_sides(
    part: str, sides: Mapping[str, Measured], numbers: Callable[[Measured], Floats]
) -> tuple[ConceptValue, ...]:
    """The mean of each concept's numbers on every side; without rows, none.

    Args:
        part: their prompts' name in per-concept tables and notes.
        sides: rows of the same prompts, by side.
        numbers: a function from a side that has rows to the number of each image, (N,).

    Raises:
        SpecError: as `check_comparable`.
    """
    groups = shared_rows(*sides.values())
    if not groups:
        return ()
    return concept_means(part, groups, {name: numbers(side) for name, side in sides.items()})


def _mean(numbers: Floats | None, rows: list[int]) -> float | None:
    return None if numbers is None else float(numbers[rows].mean())


def finite_column(side: Measured, column: int) -> Floats:
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


def choice_numbers(side: Measured) -> Floats:
    """The number of each choice, (N, choices) float64; all prompts have as many.

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

"""Rows of a measure, checked and grouped by concept: what metrics share."""

from collections.abc import Sequence

from iceb.base.errors import SpecError
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt


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


def rows_by_concept(prompts: Sequence[Prompt]) -> dict[tuple[str, int], list[int]]:
    """The rows of each concept and replicate, in order of first appearance."""
    rows: dict[tuple[str, int], list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault((prompt.cluster, prompt.replicate), []).append(row)
    return rows

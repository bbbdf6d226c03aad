"""The mean of one number an image over each concept's images, as a base of metrics."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from iceb.metrics.rows import check_comparable, rows_by_concept
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.reduction import Change, ConceptValue, Part, Reduction

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ImageMean:
    """The mean of one number an image, before and after the edit.

    Attributes:
        name: the registered name.
        role: of the prompts.
        measure: the kind of measure, or its registered name.
        change: of the means, or the side that the value is of; published tables have the edited model's, "after".
        higher_is_better: the direction.
        tags: prompts are read that have all of these.
        part: the prompts' name in per-concept tables and notes; where it is empty, the role.
        paper: the metric's source.
        version: of its meaning.
        weighting: of the concepts, by images or alike.
        sides: the images that are read; ("after",) for measures that compare with the image before by themselves.
        asks_dest: whether it asks if the edit reached its destination.
    """

    name: str
    role: str
    measure: str
    change: Change = "after"
    higher_is_better: bool = True
    tags: tuple[str, ...] = ()
    part: str = ""
    paper: str = ""
    version: int = 1
    weighting: Literal["images", "concepts"] = "images"
    sides: tuple[str, ...] = (BEFORE, AFTER)
    asks_dest: bool = False

    @property
    def unit(self) -> str:
        """The unit of its value."""
        raise NotImplementedError

    def numbers(self, side: Measured) -> Floats:
        """The number of each image of a side that has some, (N,)."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(self.measure, self.role, self.sides, self.tags),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images or concepts of one side, or of the change."""
        return Reduction({self.part_name: Part(1.0, self.change)}, self.weighting)

    @property
    def part_name(self) -> str:
        """The name of its one part."""
        return self.part or self.role

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's means before and after.

        Raises:
            SpecError: the sides are not of the same prompts and measure, or prompts lack what the number needs.
            MeasureError: a row holds no such number.
        """
        sides = {name: measured[self.role][name] for name in self.sides}
        last = sides[self.sides[-1]]
        for side in sides.values():
            check_comparable(side, last)
        if not last.prompts:
            return ()
        found = {name: self.numbers(side) for name, side in sides.items()}
        return tuple(
            ConceptValue(
                concept, self.part_name, _mean(found.get(BEFORE), rows), _mean(found.get(AFTER), rows), len(rows), n
            )
            for (concept, n), rows in rows_by_concept(last.prompts).items()
        )


def _mean(numbers: Floats | None, rows: list[int]) -> float | None:
    return None if numbers is None else float(numbers[rows].mean())

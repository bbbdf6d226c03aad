"""Base of metrics that average one number an image over each concept's images."""

from dataclasses import dataclass
from typing import Literal

from iceb.metrics.rows import Floats, chosen_rows, means_of_sides
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Change, ConceptValue, Part, Reduction


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

    def counts(self, prompt: Prompt) -> bool:
        """Whether a prompt's images count, of those that the metric needs."""
        return True

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
        sides = {name: self._counted_rows(measured[self.role][name]) for name in self.sides}
        return means_of_sides(self.part_name, sides, self.numbers)

    def _counted_rows(self, side: Measured) -> Measured:
        kept = [row for row, prompt in enumerate(side.prompts) if self.counts(prompt)]
        return side if len(kept) == len(side.prompts) else chosen_rows(side, kept)

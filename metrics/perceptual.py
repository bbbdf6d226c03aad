"""Perceptual change: mean distance (LPIPS) between an image and the unedited model's of its prompt.

Where the edit should leave images alone a small distance is good, where it should erase something a large one. The
distance itself is a measure of pairs; which one stands for a kind is said by the model's family, and the twin of the
embedded model is another scale than LPIPS.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats, finite_column
from iceb.specs.metrics import AFTER, BEFORE, Measured, Need

PAPER = "arXiv:1801.03924"
ALEX_64, ALEX, VGG = "lpips_alex_64", "lpips_alex", "lpips_vgg"  # kinds of measures


@dataclass(frozen=True)
class PerceptualChange(ImageMean):
    """Mean perceptual distance to the unedited model's images, on the prompts of one role.

    Attributes:
        measure: `lpips_alex_64` at 64 pixels, as artists are scored; `lpips_alex` and `lpips_vgg` at an image's own
            size.
        higher_is_better: True where the edit should change images, False where it should leave them alone.
        draws_before: whether it sees to it that images before are drawn, where no other metric reads any.

    >>> import numpy as np
    >>> from iceb.specs.prompts import Prompt
    >>> prompt = Prompt("art by Monet", seed=1, role="holdout", concept="Monet")
    >>> metric = PerceptualChange("holdout_lpips", role="holdout")
    >>> metric({"holdout": {"after": Measured("lpips_alex_64@1", np.array([[0.25]]), (prompt,))}})
    (ConceptValue(concept='Monet', part='holdout', before=None, after=0.25, n=1, replicate=0, checkpoint='', draw=''),)
    """

    measure: str = ALEX_64
    higher_is_better: bool = False
    paper: str = PAPER
    sides: tuple[str, ...] = (AFTER,)
    draws_before: bool = False

    unit: ClassVar[str] = "distance"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads: those after the edit, each measured with its image before."""
        drawn = (BEFORE, AFTER) if self.draws_before else self.sides
        return tuple(replace(need, sides=drawn) for need in super().needs)

    def numbers(self, side: Measured) -> Floats:
        """The distance of each image."""
        return finite_column(side, 0)

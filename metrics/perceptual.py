"""Perceptual change: mean distance (LPIPS) between an image and the unedited model's of its prompt.

Where the edit should leave images alone a small distance is good, where it should erase something a large one. The
distance itself is a measure of pairs; which one stands for a kind is said by the model's family, and the twin of the
embedded model is another scale than LPIPS.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.metrics.rows import rows_by_concept
from iceb.specs.metrics import AFTER, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction

PAPER = "arXiv:1801.03924"
ALEX_64, ALEX, VGG = "lpips_alex_64", "lpips_alex", "lpips_vgg"  # kinds of measures
Weighting = Literal["images", "concepts"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PerceptualChange:
    """Mean perceptual distance to the unedited model's images, on the prompts of one role.

    Attributes:
        name: the registered name.
        role: of the prompts.
        kind: of measure: `lpips_alex_64` at 64 pixels, as artists are scored; `lpips_alex` and `lpips_vgg` at an
            image's own size.
        higher_is_better: True where the edit should change images, False where it should leave them alone.
        tags: prompts are read that have all of these.
        part: its prompts' name in per-concept tables and notes; the role where it is empty.
        weighting: "images": every image counts the same, as in published means; "concepts": every concept.
        version: of the metric's meaning.
        paper: where the distance, or its use, was published.

    >>> from iceb.specs.prompts import Prompt
    >>> prompt = Prompt("art by Monet", seed=1, role="holdout", concept="Monet")
    >>> metric = PerceptualChange("holdout_lpips", role="holdout")
    >>> metric({"holdout": {"after": Measured("lpips_alex_64@1", np.array([[0.25]]), (prompt,))}})
    (ConceptValue(concept='Monet', part='holdout', before=None, after=0.25, n=1, replicate=0, checkpoint='', draw=''),)
    """

    name: str
    role: str
    kind: str = ALEX_64
    higher_is_better: bool = False
    tags: tuple[str, ...] = ()
    part: str = ""
    weighting: Weighting = "images"
    version: int = 1
    paper: str = PAPER
    unit: str = "distance"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads: those after the edit, each measured with its image before."""
        return (Need(self.kind, self.role, (AFTER,), self.tags),)

    @property
    def reduction(self) -> Reduction:
        """The mean distance."""
        return Reduction({self._part: Part(1.0, "after")}, weighting=self.weighting)

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's mean distance.

        Raises:
            MeasureError: a distance is not finite.
        """
        side = measured[self.role][AFTER]
        if not side.prompts:
            return ()
        distances = self._distances(side)
        return tuple(
            ConceptValue(concept, self._part, None, float(distances[rows].mean()), len(rows), replicate)
            for (concept, replicate), rows in rows_by_concept(side.prompts).items()
        )

    @property
    def _part(self) -> str:
        return self.part or self.role

    def _distances(self, side: Measured) -> Floats:
        found: Floats = side.values[:, 0].astype(np.float64)
        if not np.isfinite(found).all():
            raise MeasureError(f"metric {self.name}: measure {side.measure} gave a distance that is not finite")
        return found

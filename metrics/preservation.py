"""Preservation: distances of captions' images to the unedited model's, and their fit to the captions.

On Stable Diffusion the features are Inception's and the perceptual distance is LPIPS with AlexNet; on the embedded
model mini's own twins stand for them, on other scales. So these metrics have names of their own, and a page shows which
network measured. `preservation_frechet` by Inception is the Fréchet distance to the unedited model's images, not to
photographs, which is another published quantity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.base.errors import MeasureError
from iceb.metrics.rows import rows_by_concept
from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction

ROLE = "preservation"
FEATURES, PERCEPTUAL, TEXT_FIT = "inception", "lpips_alex", "clip_l14"  # kinds of measures


@dataclass(frozen=True)
class MeanNumber:
    """Mean of a measure's first number over each concept's images, times a scale.

    Attributes:
        name: the registered name.
        kind: of measure.
        both: True: the rise from before to after; False: after alone, for measures that compare the two themselves.

    >>> from iceb.specs.prompts import Prompt
    >>> prompt = Prompt("a dog", seed=1, role="preservation", concept="caption 1")
    >>> metric = MeanNumber("preservation_change", "lpips_alex", "distance", "")
    >>> metric({"preservation": {"after": Measured("m@1", np.array([[0.25]]), (prompt,))}})[0].after
    0.25
    """

    name: str
    kind: str
    unit: str
    paper: str
    both: bool = False
    scale: float = 1.0
    higher_is_better: bool = False
    role: str = ROLE
    draws_before: bool = False  # of a measure of pairs: no other metric sees to it that there is an image before
    version: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(self.kind, self.role, sides=(BEFORE, AFTER) if self.both or self.draws_before else (AFTER,)),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images."""
        return Reduction({self.role: Part(1.0, "rise" if self.both else "after")})

    def __call__(self, measured: Measurements) -> Sequence[ConceptValue]:
        """Each concept's mean.

        Raises:
            MeasureError: a number is not finite.
        """
        sides = measured[self.role]
        after = self._numbers(sides[AFTER])
        before = self._numbers(sides[BEFORE]) if self.both else None
        return tuple(
            ConceptValue(
                concept,
                self.role,
                None if before is None else float(before[places].mean()),
                float(after[places].mean()),
                len(places),
                replicate,
            )
            for (concept, replicate), places in rows_by_concept(sides[AFTER].prompts).items()
        )

    def _numbers(self, side: Measured) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        found = side.values[:, 0].astype(np.float64) * self.scale if side.prompts else np.zeros(0)
        if not np.isfinite(found).all():
            raise MeasureError(f"measure {side.measure} gave a number that is not finite; nothing was scored")
        return found


PRESERVATION_FRECHET = SetDistance(
    "preservation_frechet", frechet_distance, FEATURES, ROLE, version=1, paper="arXiv:1706.08500"
)
PRESERVATION_KERNEL = SetDistance(
    "preservation_kernel", kernel_distance, FEATURES, ROLE, version=1, paper="arXiv:1801.01401"
)
PRESERVATION_CHANGE = MeanNumber("preservation_change", PERCEPTUAL, "distance", "arXiv:1801.03924")
PRESERVATION_CLIP = MeanNumber(
    "preservation_clip", TEXT_FIT, "100 · cosine", "arXiv:2104.08718", both=True, scale=100.0, higher_is_better=True
)

"""Top-k accuracy on images of an erased class and of others, as ESD and UCE score objects."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.base.errors import SpecError
from iceb.metrics.composite import Composite
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats
from iceb.specs.metrics import Measured
from iceb.specs.reduction import Part

ERASED, OTHERS = "erased", "others"  # roles
KIND = "resnet50_imagenet"
PAPER = "arXiv:2303.07345"  # ESD, table 2
UNIT = "part of images"


def in_top(side: Measured, k: int, name: str) -> Floats:
    """1 where fewer than k classes are more probable than the prompt's own, else 0, (n,).

    Raises:
        SpecError: a prompt has no class, or one beyond the measure's.
    """
    labels = [prompt.label for prompt in side.prompts]
    if any(label is None or label >= side.values.shape[1] for label in labels):
        raise SpecError(
            f"metric {name}: needs the class of every prompt, below the {side.values.shape[1]} classes of "
            f"measure {side.measure}"
        )
    own = side.values[np.arange(len(labels)), np.asarray(labels, dtype=np.int64)]
    return np.asarray((side.values > own[:, None]).sum(axis=1) < k, dtype=np.float64)


@dataclass(frozen=True)
class TopAccuracy(ImageMean):
    """Part of the images with their class among the k most probable, after the edit (arXiv:2303.07345).

    Attributes:
        role: "erased", where lower is better, or "others".
        k: how many classes are looked at.
    """

    measure: str = KIND
    paper: str = PAPER
    k: int = 1

    unit: ClassVar[str] = UNIT

    def numbers(self, side: Measured) -> Floats:
        """1 for each image with its class among them, else 0."""
        return in_top(side, self.k, self.name)


ERASED_TOP1, ERASED_TOP2, ERASED_TOP3, ERASED_TOP4, ERASED_TOP5 = (
    TopAccuracy(f"erased_top{k}", ERASED, higher_is_better=False, k=k) for k in range(1, 6)
)
OTHERS_TOP1, OTHERS_TOP2, OTHERS_TOP3, OTHERS_TOP4, OTHERS_TOP5 = (
    TopAccuracy(f"others_top{k}", OTHERS, k=k) for k in range(1, 6)
)
ERASURE_SCORE = Composite(  # ours, to rank by; its top is half of the unedited model's accuracy
    "erasure_score", (ERASED_TOP1, OTHERS_TOP1), {ERASED: Part(0.5, "fall"), OTHERS: Part(0.5, "rise")}, unit=UNIT
)

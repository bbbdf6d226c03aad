"""FID and KID between image sets, on Inception's features or on those of mini's CLIP twin.

The features are clean-fid's (its resize, its network); the distances are our own (`iceb.metrics.sets`), because
clean-fid's call of SciPy's matrix root ended with SciPy 1.18. On the twin's features the distances have names of their
own: another network, another scale.
"""

from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance
from iceb.specs.metrics import BEFORE

FEATURES = "inception"  # kind of measure: 2048 numbers an image
TWIN_FEATURES = "clip_mini_embedding"  # the registered measure: no other network stands for it
ROLE = "preservation"  # prompts that no edit concerns
FRECHET_PAPER, KERNEL_PAPER = "arXiv:1706.08500", "arXiv:1801.01401"
SPLITS = 12  # of the concepts into halves: each takes two more distances, minutes at 30 000 images


def fid(name: str = "fid", role: str = ROLE, reference: str = BEFORE, measure: str = FEATURES) -> SetDistance:
    """The Fréchet distance of a role's images to those of a reference, by default the unedited model's.

    With fewer images than features (2 048) the value is mostly bias: compare it only at equal numbers of images, or
    read the kernel distance, which has none.

    Args:
        reference: "before", or "reference:NAME" for the rise of the distance to images from elsewhere.
    """
    return SetDistance(name, frechet_distance, measure, role, reference, paper=FRECHET_PAPER, splits=SPLITS)


def kid(name: str = "kid", role: str = ROLE, reference: str = BEFORE, measure: str = FEATURES) -> SetDistance:
    """The kernel distance, squared and unbiased, so that it may be below 0; not times 1000.

    Taken over all pairs at once; clean-fid's is the mean of 100 draws of 1000 images, an estimate of the same number.

    Args:
        reference: as of `fid`.
    """
    return SetDistance(name, kernel_distance, measure, role, reference, paper=KERNEL_PAPER, splits=SPLITS)


FID, KID = fid(), kid()
FRECHET_TWIN = fid("frechet_twin", measure=TWIN_FEATURES)
KERNEL_TWIN = kid("kernel_twin", measure=TWIN_FEATURES)

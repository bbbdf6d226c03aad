"""Preservation: distances of captions' images to the unedited model's, and their fit to the captions.

On Stable Diffusion the features are Inception's and the perceptual distance is LPIPS with AlexNet; on the embedded
model mini's own twins stand for them, on other scales. So these metrics have names of their own, and a page shows which
network measured. `preservation_frechet` by Inception is the Fréchet distance to the unedited model's images, not to
photographs, which is another published quantity.
"""

from dataclasses import dataclass
from typing import ClassVar

from iceb.metrics.cosines import ClipScore
from iceb.metrics.perceptual import ALEX, PerceptualChange
from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance

ROLE = "preservation"
FEATURES, TEXT_FIT = "inception", "clip_l14"  # kinds of measures


@dataclass(frozen=True)
class CaptionFit(ClipScore):
    """CLIP's score of images with their captions; its unit is written as in results of version 1."""

    paper: str = "arXiv:2104.08718"

    unit: ClassVar[str] = "100 · cosine"


PRESERVATION_FRECHET = SetDistance(
    "preservation_frechet", frechet_distance, FEATURES, ROLE, version=1, paper="arXiv:1706.08500"
)
PRESERVATION_KERNEL = SetDistance(
    "preservation_kernel", kernel_distance, FEATURES, ROLE, version=1, paper="arXiv:1801.01401"
)
PRESERVATION_CHANGE = PerceptualChange("preservation_change", ROLE, ALEX)
PRESERVATION_CLIP = CaptionFit("preservation_clip", ROLE, TEXT_FIT, change="rise")

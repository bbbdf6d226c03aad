"""Time a few small drawings, to estimate the time and disk space of many images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.specs.prompts import Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore

IMAGES = 8  # at most, in one pass
WARM, FEW, MORE = 1, 2, 6  # denoising steps: of a drawing that only warms up, and of two that are timed


@dataclass(frozen=True)
class Calibrated:
    """Seconds and bytes of one image."""

    seconds: float
    bytes: float


def calibrate(bundle: ModelBundle, sampling: Sampling, prompts: Sequence[Prompt]) -> Calibrated:
    """Draw a pass of images in few steps, and reckon one image in all steps; the images are thrown away.

    Args:
        prompts: whose first ones are drawn; at least one.

    Raises:
        ModelError: the model cannot be loaded, or fails.
    """
    drawn = list(prompts)[: min(IMAGES, bundle.images_per_pass.size)]
    with TemporaryDirectory(prefix="iceb-calibration-") as folder:
        timing = _Timing(bundle, sampling, drawn, Path(folder))
        timing.seconds(WARM)
        few, more = timing.seconds(FEW), timing.seconds(MORE)
        sizes = [path.stat().st_size for path in Path(folder).rglob("*.png")]
    step = max(0.0, more - few) / (MORE - FEW)
    whole = max(more, few) + step * (sampling.steps - MORE) if sampling.steps > MORE else max(few, more)
    return Calibrated(whole / len(drawn), sum(sizes) / len(sizes))


class _Timing:
    """Drawings of the same prompts in different numbers of steps."""

    def __init__(self, bundle: ModelBundle, sampling: Sampling, prompts: Sequence[Prompt], folder: Path) -> None:
        self.bundle, self.sampling, self.prompts = bundle, sampling, prompts
        self.generator = Generator(ImageStore(folder))

    def seconds(self, steps: int) -> float:
        """The seconds of one drawing."""
        began = time.perf_counter()
        self.generator.draw(self.bundle, self.prompts, replace(self.sampling, steps=steps), "calibrating")
        return time.perf_counter() - began

"""Inception's features of an image, for FID and KID, by clean-fid's own resize and network.

An image is resized to 299 pixels by clean-fid (Pillow's bicubic filter on each channel, in floating point), and looked
at by its wrapper of the TorchScript file, whose digest is checked first. The distances are ours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import ModelError
from iceb.base.messages import first_line
from iceb.metrics.measures.networks import NetworkMeasure
from iceb.metrics.measures.weight_files import WeightFile
from iceb.specs.metrics import Inputs, MeasureInput

INCEPTION = WeightFile(
    "inception-2015-12-05.pt",
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
)
FEATURES = 2048


class InceptionFeatures(NetworkMeasure):
    """The 2048 pool features of Inception-v3 (2015-12-05, TorchScript), as clean-fid computes them."""

    id = "inception@1"
    inputs: ClassVar[Inputs] = "image"
    width = FEATURES

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        import torch
        from cleanfid.resize import build_resizer

        resize = build_resizer("clean")
        ready = np.stack([resize(each.image) for each in inputs]).transpose(0, 3, 1, 2)  # 0 to 255
        with torch.inference_mode():
            found = self.network(torch.from_numpy(np.ascontiguousarray(ready)).to(self.device))
        rows: npt.NDArray[Any] = found.float().cpu().numpy()
        return rows

    def _load(self) -> Any:
        return load_inception(INCEPTION.path(), self.device)

    def _pin(self) -> str:
        return INCEPTION.sha256


def load_inception(path: Path, device: str = "cpu") -> Any:
    """clean-fid's wrapper of a TorchScript file: images (N, 3, 299, 299) in [0, 255] → (N, 2048).

    Args:
        path: named as clean-fid names it, in any folder.

    Raises:
        ModelError: the file is no TorchScript with the layers that clean-fid calls.
    """
    from cleanfid.inception_torchscript import InceptionV3W

    try:
        return InceptionV3W(str(path.parent), download=False).eval().to(device)
    except (RuntimeError, ValueError, AttributeError) as error:
        raise ModelError(f"weights {path} are not Inception's TorchScript: {first_line(error)}") from error

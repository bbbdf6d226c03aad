"""Class probabilities of an image: the judge of AICE, real and embedded.

Two measures share everything but their network: ViT-B/16 for images of real models, and a small twin for the embedded
one. A network that crashes or answers with numbers that are not finite is an error, never a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from iceb.base.errors import MeasureError, ModelError
from iceb.base.hub import local_first
from iceb.base.messages import first_line
from iceb.base.out_of_memory import out_of_memory
from iceb.metrics.measures.checks import check_images, check_rows
from iceb.mini.shipped import JUDGE, folder_digest, shipped_folder
from iceb.specs.metrics import Inputs, MeasureInput

VIT_REPOSITORY = "google/vit-base-patch16-224"
VIT_REVISION = "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3"
CLASSES = 1000
BATCH = 64  # images in one forward pass
BILINEAR = Image.Resampling.BILINEAR

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Backbone:
    """An image classifier over the 1000 ImageNet classes, and the preparation its images need."""

    network: Any  # pixel_values (N, 3, height, width) → .logits (N, 1000)
    revision: str  # what pins its weights
    height: int  # pixels
    width: int  # pixels
    mean: tuple[float, float, float]  # of each channel, on [0, 1]
    std: tuple[float, float, float]

    def prepare(self, image: Pixels) -> Floats:
        """Prepare an image (H, W, 3) uint8 for the network: (3, height, width) float32, normalised.

        Written out because the library's own preparation changed its resampling between versions (from Pillow's to
        torchvision's), and a judge must not change with the library. This is Pillow's, as the published numbers used.
        """
        if image.shape[:2] != (self.height, self.width):
            image = np.asarray(Image.fromarray(image).resize((self.width, self.height), BILINEAR))
        scaled = image.astype(np.float32) / 255
        centred = (scaled - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(centred.transpose(2, 0, 1), dtype=np.float32)


def load_backbone(source: str | Path, device: str = "cpu", revision: str | None = None, pin: str = "") -> Backbone:
    """A ViT classifier from a hub repository or a folder; safetensors only, evaluated in float32.

    Args:
        revision: the hub commit; None for a folder.
        pin: what names these weights in keys; the revision if empty.

    Raises:
        ModelError: the weights are not there and cannot be fetched, or do not have 1000 classes.
    """
    from transformers import ViTForImageClassification, ViTImageProcessor

    place = f"{source}@{revision}" if revision else str(source)
    try:
        network = local_first(place, partial(ViTForImageClassification.from_pretrained, use_safetensors=True))
        processor = local_first(place, ViTImageProcessor.from_pretrained)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"cannot load the classifier {source} ({first_line(error)}): connect to the internet once so that it is "
            "cached, or set HF_HOME to a cache that holds it"
        ) from error
    if network.config.num_labels != CLASSES:
        raise ModelError(f"classifier {source} has {network.config.num_labels} classes: needs ImageNet's {CLASSES}")
    return Backbone(
        network=network.float().eval().requires_grad_(False).to(device),  # stored in half, judged in full precision
        revision=pin or revision or "",
        height=processor.size["height"],
        width=processor.size["width"],
        mean=tuple(processor.image_mean),
        std=tuple(processor.image_std),
    )


class ClassProbability:
    """p(class | image) under an ImageNet classifier: softmax over its 1000 logits.

    Args:
        backbone: the network; None for the measure's own, loaded when the first image is measured.
        device: where the network runs.
    """

    id: ClassVar[str]
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, backbone: Backbone | None = None, device: str = "cpu") -> None:
        self.device = device
        self._given = backbone

    @cached_property
    def backbone(self) -> Backbone:
        """The network and its preparation."""
        return self._given or self._own()

    @property
    def revision(self) -> str:
        """The digest or commit that pins the weights, known without loading them."""
        return self._given.revision if self._given else self._pin()

    def _own(self) -> Backbone:
        raise NotImplementedError

    def _pin(self) -> str:
        raise NotImplementedError

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Probabilities (N, 1000) float32 of N images.

        Raises:
            MeasureError: an image is not RGB bytes, the network failed, or a probability is not finite.
            ModelError: the network cannot be loaded.
        """
        images = [each.image for each in inputs]
        batches = [self._probabilities(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, CLASSES), np.float32)

    def _probabilities(self, images: Sequence[Pixels]) -> Floats:
        import torch

        ready = [self.backbone.prepare(image) for image in check_images(self.id, images)]
        prepared = np.stack(ready)  # (n, 3, height, width)
        try:
            with torch.inference_mode():
                logits = self.backbone.network(pixel_values=torch.from_numpy(prepared).to(self.device)).logits
                found: Floats = logits.float().softmax(dim=-1).cpu().numpy()  # (n, 1000)
        except RuntimeError as error:
            if out_of_memory(error):
                raise  # the caller may retry with fewer
            raise MeasureError(f"measure {self.id} failed on {len(images)} images: {error}") from error
        return check_rows(self.id, found, (len(images), CLASSES))


class ImageNetProbability(ClassProbability):
    """p(class | image) under ViT-B/16, the judge of AICE (arXiv:2403.13807; network: arXiv:2010.11929)."""

    id = "vit_b16_imagenet@1"

    def _own(self) -> Backbone:
        return load_backbone(VIT_REPOSITORY, self.device, VIT_REVISION)

    def _pin(self) -> str:
        return VIT_REVISION


class MiniProbability(ClassProbability):
    """p(class | image) under the small ViT that ships with the embedded model."""

    id = "vit_mini@1"

    def _own(self) -> Backbone:
        return load_backbone(shipped_folder(JUDGE), self.device, pin=self._pin())

    def _pin(self) -> str:
        return folder_digest(shipped_folder(JUDGE))

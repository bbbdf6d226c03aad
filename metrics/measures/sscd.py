"""SSCD (arXiv:2202.10261): descriptors of images by which copies are found.

They come from a TorchScript file of the user's, which is never fetched. `ICEB_SSCD` names it and `ICEB_SSCD_SHA256`
says its digest; without both the measure refuses, and with another digest too, because a TorchScript file is a program.
Concept Ablation uses `sscd_imagenet_mixup.torchscript.pt` from the authors' page, and calls an image memorised above a
similarity of 0.5.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from iceb.base.errors import ModelError
from iceb.base.messages import first_line
from iceb.base.readers import user_path
from iceb.metrics.measures.networks import Floats, NetworkMeasure, Pixels, images_before
from iceb.metrics.measures.weight_files import check_digest
from iceb.specs.metrics import Inputs, MeasureInput

FILE, DIGEST = "ICEB_SSCD", "ICEB_SSCD_SHA256"
SIDE = 288  # pixels of the shorter side, as the authors recommend and Concept Ablation has it
MEAN, STD = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
DESCRIPTOR = 512


class SSCDDescriptor(NetworkMeasure):
    """An image's copy-detection descriptor of norm 1; a copy's has a product with it near 1."""

    id = "sscd_descriptor@1"
    inputs: ClassVar[Inputs] = "image"
    width = DESCRIPTOR

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        return self._descriptors([each.image for each in inputs])

    def _descriptors(self, images: Sequence[Pixels]) -> Floats:
        import torch

        prepared = torch.from_numpy(np.stack([prepare(image) for image in images]))
        with torch.inference_mode():
            found: Floats = self.network(prepared.to(self.device)).float().cpu().numpy()
        scaled: Floats = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return scaled

    def _load(self) -> Any:
        import torch

        path = check_digest(*named_file())
        load: Any = torch.jit.load  # it has no types
        try:
            return load(str(path), map_location=self.device).eval()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"weights {path} are no TorchScript: {first_line(error)}") from error

    def _pin(self) -> str:
        return named_file()[1]


class SSCD(SSCDDescriptor):
    """Similarity of an image and the one before the edit as copies: the cosine of their SSCD descriptors."""

    id = "sscd@1"
    inputs: ClassVar[Inputs] = "pair"
    width = 1

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        after = self._descriptors([each.image for each in inputs])
        before = self._descriptors(images_before(self.id, inputs))
        cosine: Floats = (after * before).sum(axis=1, keepdims=True)
        return cosine


def prepare(image: Pixels) -> Floats:
    """An image (3, H, W) float32 for SSCD: its shorter side of 288 pixels, normalised."""
    rows, columns = image.shape[:2]
    size = (SIDE * columns // min(rows, columns), SIDE * rows // min(rows, columns))
    resized = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    return np.ascontiguousarray(((resized - MEAN) / STD).transpose(2, 0, 1), np.float32)


def named_file() -> tuple[Path, str]:
    """The file that the user names, and the digest that the user says it has.

    Raises:
        ModelError: one of the two is missing.
    """
    path, digest = os.environ.get(FILE), os.environ.get(DIGEST, "").lower()
    if not path or not digest:
        raise ModelError(f"copy detection needs a TorchScript file of SSCD: set {FILE}=FILE and {DIGEST}=its sha256")
    return user_path(path), digest

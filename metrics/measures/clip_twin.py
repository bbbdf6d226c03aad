"""Features of mini's CLIP twin: an image's embedding, and a perceptual distance of two images.

They stand for the features of FID and for LPIPS on the embedded model, and are never called by those names: the
network is another, and so is the scale of the numbers.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.digest import digest
from iceb.base.errors import MeasureError
from iceb.base.out_of_memory import out_of_memory
from iceb.metrics.measures.checks import check_images, check_rows
from iceb.mini.shipped import CLIP, folder_digest, shipped_folder
from iceb.specs.metrics import Inputs, MeasureInput

if TYPE_CHECKING:
    from iceb.mini.clip_twin import ClipTwin

BATCH = 64  # images in one forward pass
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class TwinMeasure:
    """A measure by mini's CLIP twin.

    Args:
        twin: the model; None for the one that ships, loaded when the first image is measured.
        device: where it runs.
    """

    id: ClassVar[str]
    inputs: ClassVar[Inputs]

    def __init__(self, twin: "ClipTwin | None" = None, device: str = "cpu") -> None:
        self.device = device
        self._given = twin

    @cached_property
    def twin(self) -> "ClipTwin":
        """The model."""
        from iceb.mini.clip_twin import ClipTwin  # torch is imported with it, so that listing measures stays fast

        return self._given or ClipTwin.load_shipped(self.device)

    @property
    def revision(self) -> str:
        """A digest of the shipped weights and open_clip's version; "given" for a model that was passed in."""
        return "given" if self._given else digest([folder_digest(shipped_folder(CLIP)), version("open_clip_torch")])

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Numbers (N, width) float32 of N inputs.

        Raises:
            MeasureError: an image is not RGB bytes, the network failed, or a number is not finite.
            ModelError: the network cannot be loaded.
        """
        found = [self._measure(inputs[start : start + BATCH]) for start in range(0, len(inputs), BATCH)]
        return np.concatenate(found) if found else np.zeros((0, self._width()), np.float32)

    def _measure(self, inputs: Sequence[MeasureInput]) -> Floats:
        try:
            found = self._rows(inputs)
        except RuntimeError as error:
            if out_of_memory(error):
                raise  # the caller may retry with fewer
            raise MeasureError(f"measure {self.id} failed on {len(inputs)} images: {error}") from error
        return check_rows(self.id, found, (len(inputs), self._width_of(inputs)))

    def _rows(self, inputs: Sequence[MeasureInput]) -> Floats:
        raise NotImplementedError

    def _width(self) -> int:
        raise NotImplementedError

    def _width_of(self, inputs: Sequence[MeasureInput]) -> int:
        """The width of the rows of some inputs."""
        return self._width()


class MiniEmbedding(TwinMeasure):
    """The image's embedding of norm 1 under mini's CLIP twin; a Fréchet distance can be taken on it."""

    id = "clip_mini_embedding@1"
    inputs = "image"

    def _rows(self, inputs: Sequence[MeasureInput]) -> Floats:
        return self.twin.image_embeddings(list(check_images(self.id, [each.image for each in inputs])))

    def _width(self) -> int:
        return int(self.twin.network.visual.output_dim)


class MiniPerceptual(TwinMeasure):
    """A perceptual distance of an image and the one before the edit, between 0 and 4, by mini's CLIP twin.

    As in LPIPS (arXiv:1801.03924, equation 1, with all weights 1): at each layer the features of a place are scaled to
    norm 1; the squared differences are summed over features and averaged over places, here over layers too.
    """

    id = "perceptual_mini@1"
    inputs = "pair"

    def _rows(self, inputs: Sequence[MeasureInput]) -> Floats:
        both = [*(each.image for each in inputs), *(self._before(each) for each in inputs)]
        layers = [_unit(layer) for layer in self.twin.layer_features(list(check_images(self.id, both)))]
        squared = [((layer[: len(inputs)] - layer[len(inputs) :]) ** 2).sum(axis=1) for layer in layers]  # (n, h, w)
        found: Floats = np.mean([layer.mean(axis=(1, 2)) for layer in squared], axis=0)  # (n,)
        return found[:, None]

    def _before(self, pair: MeasureInput) -> Pixels:
        if pair.before is None:
            raise MeasureError(f"measure {self.id} got an image alone: needs the one before the edit beside it")
        return pair.before

    def _width(self) -> int:
        return 1


def _unit(layer: Floats) -> Floats:
    """Scale the features at each place to norm 1; `layer` is (N, width, rows, columns)."""
    scaled: Floats = layer / np.maximum(np.linalg.norm(layer, axis=1, keepdims=True), 1e-6)
    return scaled

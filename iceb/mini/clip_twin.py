"""Mini's CLIP twin, a small open_clip model that compares images with texts.

It stands for the CLIP models that judge images of real models. open_clip loads its folder by itself:
`open_clip.create_model("local-dir:FOLDER")`.

Sizes: N images, M texts, d features of the common space.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from iceb.base.errors import ModelError
from iceb.base.messages import first_line
from iceb.mini.shipped import CLIP, shipped_folder

BATCH = 64  # images or texts in one forward pass

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClipTwin:
    """An open_clip model with its preparation of images and texts.

    Args:
        network: an open_clip.CLIP.
        prepare: a Pillow image → (3, height, width).
        tokenize: M texts → token ids (M, 77).
        device: where the network runs.
    """

    network: Any
    prepare: Callable[[Image.Image], Tensor]
    tokenize: Callable[[list[str]], Tensor]
    device: str = "cpu"

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "ClipTwin":
        """Load the model of a folder, evaluated in float32.

        Raises:
            ModelError: the folder holds no such model.
        """
        import open_clip

        name = f"local-dir:{folder}"
        try:
            with torch.random.fork_rng(devices=[]):  # the weights are drawn before those of the folder replace them
                network, prepare = open_clip.create_model_from_pretrained(name, device=device)
            tokenize = open_clip.get_tokenizer(name)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"cannot load the CLIP model in {folder} ({first_line(error)}): needs open_clip_config.json and "
                "open_clip_model.safetensors as open_clip writes them"
            ) from error
        return cls(network.eval().requires_grad_(False), prepare, tokenize, device)

    @classmethod
    def load_shipped(cls, device: str = "cpu") -> "ClipTwin":
        """Load the model that ships with mini.

        Raises:
            ModelError: the installation lacks it.
        """
        return cls.load(shipped_folder(CLIP), device)

    @torch.inference_mode()
    def image_embeddings(self, images: Sequence[Pixels]) -> Floats:
        """Embeddings of images (H, W, 3) uint8, (N, d) of norm 1."""
        found = [self.network.encode_image(batch, normalize=True) for batch in self._batches(images)]
        return _stack(found)

    @torch.inference_mode()
    def text_embeddings(self, texts: Sequence[str]) -> Floats:
        """Embeddings of texts, (M, d) of norm 1."""
        starts = range(0, len(texts), BATCH)
        ids = (self.tokenize(list(texts[start : start + BATCH])).to(self.device) for start in starts)
        return _stack([self.network.encode_text(batch, normalize=True) for batch in ids])

    @torch.inference_mode()
    def layer_features(self, images: Sequence[Pixels]) -> list[Floats]:
        """States of the patches after each layer of the image tower, (N, width, rows, columns) each."""
        found = [
            self.network.visual.forward_intermediates(batch, intermediates_only=True)["image_intermediates"]
            for batch in self._batches(images)
        ]
        return [_stack(list(layer)) for layer in zip(*found, strict=True)]

    def nearest_text(self, images: Sequence[Pixels], texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """The text, by its place among `texts`, that each image is most like: zero-shot classification, (N,)."""
        return np.asarray((self.image_embeddings(images) @ self.text_embeddings(texts).T).argmax(axis=1))

    def _batches(self, images: Sequence[Pixels]) -> Any:
        for start in range(0, len(images), BATCH):
            ready = [self.prepare(Image.fromarray(image)) for image in images[start : start + BATCH]]
            yield torch.stack(ready).to(self.device)


def _stack(parts: Sequence[Tensor]) -> Floats:
    if not parts:
        return np.zeros((0, 0), np.float32)
    return np.asarray(torch.cat(list(parts)).float().cpu().numpy(), dtype=np.float32)

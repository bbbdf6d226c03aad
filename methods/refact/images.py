"""CLIP's image tower, and the preparation of images for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.digest import digest, digest_tensor
from iceb.base.errors import DataError
from iceb.base.messages import without_fields
from iceb.methods.common.text_encoder import slices
from iceb.methods.refact.files import expand, image_names, open_images, vision_part

if TYPE_CHECKING:
    from PIL.Image import Image

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of every CLIP
AT_ONCE = 16  # images


class ImageTower:
    """CLIP's image tower with its projection.

    Args:
        weights: a safetensors file of a CLIPModel.
        config: its config.json.
        like: a tensor whose device and number format are taken.

    Raises:
        DataError: a file cannot be read, or the two do not fit together.
    """

    def __init__(self, weights: str, config: str, like: Tensor) -> None:
        from safetensors.torch import load_file
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        settings = CLIPVisionConfig(**vision_part(config))
        model: Any = CLIPVisionModelWithProjection(settings)
        try:
            kept = {name: value for name, value in load_file(expand(weights)).items() if name in model.state_dict()}
            model.load_state_dict(kept)
        except (OSError, RuntimeError) as error:
            reason = without_fields(str(error)).strip().splitlines()[-1].strip()
            raise DataError(
                f"projection {weights}: is no CLIP of {config} ({reason}): name both of one model"
            ) from error
        self.model, self.size = model.to(like).eval().requires_grad_(False), int(settings.image_size)
        self.like = like

    @property
    def digest(self) -> str:
        """Digest of the tower's weights and settings."""
        weights = {name: digest_tensor(value) for name, value in self.model.state_dict().items()}
        return digest({"weights": weights, "heads": self.model.config.num_attention_heads, "size": self.size})

    @torch.no_grad()
    def __call__(self, shown: Sequence["Image"]) -> Tensor:
        """Projected features of n images, (n, p), not normalised."""
        parts = [[fit_image(image, self.size) for image in shown[a:b]] for a, b in slices(len(shown), AT_ONCE)]
        found = [self.model(pixel_values=torch.stack(part).to(self.like)).image_embeds for part in parts]
        return torch.cat([self.like.new_zeros(0, self.model.config.projection_dim), *found])


def fit_image(image: "Image", size: int) -> Tensor:
    """Preprocess an image for CLIP: resize (bicubic), centre crop, normalise; (3, size, size) float32."""
    from PIL.Image import Resampling

    side = min(image.size)
    scaled = tuple(int(length * size / side) for length in image.size)
    resized = image.convert("RGB").resize((scaled[0], scaled[1]), Resampling.BICUBIC)
    left, top = (scaled[0] - size) // 2, (scaled[1] - size) // 2
    bytes_ = np.array(resized.crop((left, top, left + size, top + size)))
    pixels = (bytes_ / 255).astype(np.float32)  # each step as transformers rounds it
    normal = (pixels - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return torch.from_numpy(normal).permute(2, 0, 1)


def read_zip(path: str, count: int) -> list["Image"]:
    """The first images of a zip archive, in the order of their names.

    Raises:
        DataError: it cannot be read, or holds fewer.
    """
    from PIL import Image

    found = []
    with open_images(path) as archive:
        for name in image_names(path, count):
            with archive.open(name) as stream:
                found.append(Image.open(stream).convert("RGB"))  # an UnidentifiedImageError is an OSError
    return found

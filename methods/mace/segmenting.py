"""Masks of a concept in training images, from mini's plain ground or from attention.

A segmenter takes images of one concept and gives masks. None is used for styles, which are everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from iceb.methods.common.denoiser import Denoiser
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.lora import WatchedUNet
from iceb.methods.mace.loss import normalise_images
from iceb.methods.mace.prompt_states import PromptReader
from iceb.methods.mace.rows import concept_columns

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Segment = Callable[[Array, Concept], Array]  # (n, H, W, 3) uint8, concept → (n, H, W) bool

STANDS_OUT = 40  # least distance of a pixel's colour from its row's ground, of 255
TIMESTEP = 200  # timestep at which attention is measured; the image is still visible in the noise
INSIDE = 0.5  # threshold between a map's least and greatest value


def fill_empty_masks(masks: Array) -> Array:
    """Replace empty masks, (n, H, W) bool, by the whole image, as the authors' code does."""
    empty = ~masks.any(axis=(1, 2), keepdims=True)
    found: Array = masks | empty
    return found


def mask_by_ground(images: Array, concept: Concept) -> Array:
    """Mask what differs from mini's ground, whose colour is constant along each row.

    The renderer knows a true mask only of what it renders itself; training images are drawn by the model.

    Args:
        images: (n, H, W, 3) uint8.
        concept: what they show; not looked at.

    Returns:
        (n, H, W) bool.
    """
    edges = np.stack([images[:, :, 0], images[:, :, -1]]).astype(np.int16)  # (2, n, H, 3)
    ground = edges.mean(axis=0)[:, :, None]  # (n, H, 1, 3)
    return fill_empty_masks(np.abs(images - ground).max(axis=-1) > STANDS_OUT)


@dataclass(frozen=True, eq=False)
class AttentionSegmenter:
    """Masks of the pixels that attend most to the concept in one pass of the unedited denoiser."""

    denoiser: Denoiser
    watched: WatchedUNet
    reader: PromptReader

    @torch.no_grad()
    def __call__(self, images: Array, concept: Concept) -> Array:
        """Masks of the concept in the images, (n, H, W) bool."""
        read = self.reader((concept.image_prompt,))
        columns = torch.tensor(concept_columns(read.ids[0], self.reader.own_ids(concept.source), read.ends[0], False))
        if not columns.any():
            return np.ones(images.shape[:3], dtype=bool)
        latents, _ = self.denoiser.encode(normalise_images(torch.from_numpy(images.copy())))
        generator = torch.Generator().manual_seed(concept.seed)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        timesteps = torch.full((len(latents),), TIMESTEP, device=self.denoiser.device)
        seen: list[Tensor] = []

        def look(layer: str, probabilities: Tensor) -> None:
            share = probabilities[..., columns.to(probabilities.device)].sum(dim=-1).mean(dim=1)  # (n, pixels)
            side = round(share.shape[1] ** 0.5)
            seen.append(interpolate(share.reshape(-1, 1, side, side).float(), images.shape[1:3], mode="bilinear"))

        with self.watched.during(None, look):
            noised = self.denoiser.add_noise(latents * self.denoiser.scaling, noise, timesteps)
            condition = read.condition.rows(torch.zeros(len(latents), dtype=torch.int64))
            self.denoiser.predict_noise(noised, timesteps, condition)
        return _upper_half(torch.stack(seen).mean(dim=0)[:, 0])


def _upper_half(maps: Tensor) -> Array:
    """Mask the upper half of each map's range, (n, H, W) → bool."""
    flat = maps.flatten(1)
    low, high = flat.amin(dim=1)[:, None, None], flat.amax(dim=1)[:, None, None]
    found: Array = (maps >= low + INSIDE * (high - low)).cpu().numpy()
    return found

"""The model in float32 for EMCID's training, and its training images."""

import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iceb.methods.common.denoiser import Denoiser, prepare_images
from iceb.methods.common.text_encoder import TextTower, text_towers
from iceb.methods.common.training import denoiser_of, in_dtype
from iceb.methods.emcid.concepts import Concept
from iceb.methods.emcid.fisher import Pair
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.training_noise import DrawStream, Latents
from iceb.specs.methods import Bundle
from iceb.specs.runs import Precision

LARGEST_SIDE = 512  # pixels; the authors train at 512 whatever the model draws
IMAGES_AT_ONCE = 48
FISHER_SEED = 2023


class Workbench:
    """A bundle's parts in float32, for training; of a model in half precision copies."""

    def __init__(self, bundle: Bundle, precision: Precision = "float32") -> None:
        self.bundle, self.precision = bundle, precision

    @cached_property
    def towers(self) -> list[TextTower]:
        """The text encoders, one or (SDXL) two."""
        return text_towers(self.bundle.pipeline, lambda model: in_dtype(model, torch.float32))

    @cached_property
    def denoiser(self) -> Denoiser:
        """The denoiser with its autoencoder and noise levels."""
        return denoiser_of(self.bundle.pipeline, self.precision)

    @property
    def side(self) -> int:
        """Side of a training image in pixels."""
        return min(self.denoiser.pixels, LARGEST_SIDE)

    @property
    def latent(self) -> tuple[int, int, int]:
        """Shape of a training latent."""
        channels, size, _ = self.denoiser.latent_shape
        size = size * self.side // self.denoiser.pixels
        return channels, size, size

    @property
    def sampling(self) -> Any:
        """The sampling of training images: the family's default."""
        return self.bundle.family.sampling

    def draws(self, concept: Concept, images: int) -> DrawStream:
        """A concept's stream of random numbers."""
        return DrawStream(concept.seed, len(concept.templates), images, self.latent, self.denoiser.timesteps)

    def latents(self, concepts: Sequence[Concept], settings: Stage1, draws: Sequence[DrawStream]) -> Latents:
        """Draw training images of concepts from their *source* prompts, unedited, and encode them once.

        Every objective uses source prompts, as the authors' code does. Deviation: their generator is on the model's
        device, ours on the CPU.
        """
        texts, noise = [], []
        for concept in concepts:
            generator = torch.Generator().manual_seed(concept.seed)
            for _ in range(settings.images):
                texts += concept.prompts("source")
                noise.append(self._initial(len(concept.templates), generator))
        pixels = self._draw_images(texts, torch.cat(noise))
        flipped = torch.cat([stream.flips() for stream in draws])
        mean, deviation = self.denoiser.encode(prepare_images(pixels, flipped, self.side))
        sizes = [settings.images * len(concept.templates) for concept in concepts]
        offsets = tuple(int(stop) - size for stop, size in zip(np.cumsum(sizes), sizes, strict=True))
        return Latents(mean, deviation, offsets, self.denoiser.scaling)

    def _initial(self, count: int, generator: torch.Generator) -> Tensor:
        channels, size, _ = self.denoiser.latent_shape
        factor = self.denoiser.pixels // size
        shape = (count, channels, self.sampling.height // factor, self.sampling.width // factor)
        return torch.randn(shape, generator=generator)

    def _draw_images(self, texts: Sequence[str], noise: Tensor) -> "np.ndarray[Any, Any]":
        from iceb.models.drawing import texts_to_images

        parts = [
            texts_to_images(self.bundle, texts[a : a + IMAGES_AT_ONCE], noise[a : a + IMAGES_AT_ONCE], self.sampling)
            for a in range(0, len(texts), IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts)

    def fisher_pairs(self, captions: Sequence[str], count: int, steps: int) -> list[Pair]:
        """Image-caption pairs for the Fisher diagonal.

        Deviation: the authors download the captions' web photographs, many of which are gone; the unedited model draws
        the images here.
        """
        chosen = random.Random(FISHER_SEED).sample(range(len(captions)), min(count, len(captions)))
        texts = [captions[index] for index in chosen]
        generator = torch.Generator().manual_seed(FISHER_SEED)
        pixels = self._draw_images(texts, self._initial(len(texts), generator))
        flipped = torch.rand(len(texts), generator=generator) < 0.5
        means, deviations = self.denoiser.encode(prepare_images(pixels, flipped, self.side))
        ends = self.towers[0].tokens(texts).ends.tolist()
        parts = zip(texts, ends, means, deviations, strict=True)
        return [self._pair(text, end, mean, spread, steps, generator) for text, end, mean, spread in parts]

    def _pair(
        self, text: str, end: int, mean: Tensor, deviation: Tensor, steps: int, generator: torch.Generator
    ) -> Pair:
        token = int(torch.randint(1, max(end, 2), (1,), generator=generator))  # neither the start nor the end token
        return Pair(
            text,
            token,
            mean,
            deviation,
            torch.randn(self.latent, generator=generator),
            torch.randn((steps, *self.latent), generator=generator),
            torch.randint(self.denoiser.timesteps, (steps,), generator=generator),
        )

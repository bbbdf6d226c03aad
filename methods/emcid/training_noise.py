"""Random draws of stage I, one stream per concept, and the latents of its training images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.common.seeding import content_seed


@dataclass(frozen=True)
class StepDraws:
    """A concept's random draws for one training step."""

    choice: Tensor  # (P,) which of the prompt's training images
    sampled: Tensor  # (P, c, h, w) standard normal, the autoencoder's own sampling
    noise: Tensor  # (P, c, h, w) standard normal
    timesteps: Tensor  # (P,)


class DrawStream:
    """A concept's stream of random draws, which batches and order do not change.

    Deviation: the authors' code draws flips, samples, noise and timesteps from unseeded global generators.
    """

    def __init__(self, seed: int, prompts: int, images: int, latent: tuple[int, int, int], timesteps: int) -> None:
        self.generator = torch.Generator().manual_seed(content_seed({"emcid stage 1": seed}))
        self.prompts, self.images, self.latent, self.timesteps = prompts, images, latent, timesteps

    def flips(self) -> Tensor:
        """Mask of the training images that are mirrored, (S·P,) bool, drawn once."""
        return torch.rand(self.images * self.prompts, generator=self.generator) < 0.5

    def step(self) -> StepDraws:
        """The next step's draws."""
        shape, generator = (self.prompts, *self.latent), self.generator
        return StepDraws(
            torch.randint(self.images, (self.prompts,), generator=generator),
            torch.randn(shape, generator=generator),
            torch.randn(shape, generator=generator),
            torch.randint(self.timesteps, (self.prompts,), generator=generator),
        )


@dataclass(frozen=True)
class Latents:
    """Autoencoder moments of concepts' training images; a concept's prompts of sample 0 come first."""

    mean: Tensor  # (N, c, h, w), concepts one after another
    deviation: Tensor  # (N, c, h, w)
    offsets: tuple[int, ...]  # where each concept's images begin
    scaling: float

    def draw(self, drawn: Sequence[StepDraws]) -> Tensor:
        """Sample one latent per prompt, (B, c, h, w), as the autoencoder does."""
        index = torch.cat(
            [
                offset + part.choice * len(part.choice) + torch.arange(len(part.choice))
                for offset, part in zip(self.offsets, drawn, strict=True)
            ]
        ).to(self.mean.device)
        sampled = torch.cat([part.sampled for part in drawn]).to(self.mean)
        return (self.mean[index] + self.deviation[index] * sampled) * self.scaling

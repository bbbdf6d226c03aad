"""Random numbers of stage I, one stream per concept, and the training pictures they pick from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.base.digest import digest


@dataclass(frozen=True)
class Drawn:
    """One concept's draws for one step."""

    choice: Tensor  # (P,) which of the prompt's training pictures
    sampled: Tensor  # (P, c, h, w) standard normal, the autoencoder's own sampling
    noise: Tensor  # (P, c, h, w) standard normal
    timesteps: Tensor  # (P,)


class Draws:
    """A concept's own stream of draws: it depends on nothing but the concept, so batches and order change nothing.

    Deviation: the authors' code draws flips, samples, noise and timesteps from unseeded global generators.
    """

    def __init__(self, seed: int, prompts: int, pictures: int, latent: tuple[int, int, int], timesteps: int) -> None:
        self.generator = torch.Generator().manual_seed(int(digest({"emcid stage 1": seed})[:15], 16))
        self.prompts, self.pictures, self.latent, self.timesteps = prompts, pictures, latent, timesteps

    def flips(self) -> Tensor:
        """(S·P,) bool, drawn once: which training pictures are mirrored."""
        return torch.rand(self.pictures * self.prompts, generator=self.generator) < 0.5

    def step(self) -> Drawn:
        """The next step's draws."""
        shape, generator = (self.prompts, *self.latent), self.generator
        return Drawn(
            torch.randint(self.pictures, (self.prompts,), generator=generator),
            torch.randn(shape, generator=generator),
            torch.randn(shape, generator=generator),
            torch.randint(self.timesteps, (self.prompts,), generator=generator),
        )


@dataclass(frozen=True)
class Latents:
    """Training pictures of some concepts after the autoencoder; per concept all prompts of sample 0 come first."""

    mean: Tensor  # (N, c, h, w), concepts one after another
    deviation: Tensor  # (N, c, h, w)
    offsets: tuple[int, ...]  # where each concept's pictures begin
    scaling: float

    def draw(self, drawn: Sequence[Drawn]) -> Tensor:
        """(B, c, h, w), one latent per prompt, sampled as the autoencoder would."""
        index = torch.cat(
            [
                offset + part.choice * len(part.choice) + torch.arange(len(part.choice))
                for offset, part in zip(self.offsets, drawn, strict=True)
            ]
        ).to(self.mean.device)
        sampled = torch.cat([part.sampled for part in drawn]).to(self.mean)
        return (self.mean[index] + self.deviation[index] * sampled) * self.scaling

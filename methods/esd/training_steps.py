"""Random draws of each training step: concept, sampling depth and starting noise."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from iceb.methods.esd.settings import TIMESTEPS, Settings
from iceb.specs.requests import EditRequest

LARGEST_SEED = 2**15  # inclusive, as the authors draw


@dataclass(frozen=True)
class TrainingStep:
    """Random draws of one training step.

    Attributes:
        source: the concept that is erased.
        sampled_to: how far the latents are sampled: t_enc (2023), or the number of sampling steps (2024, 2025); fixes
            the timestep (`SampleMaker.time`).
        seed: of the starting noise.
        within: 2023 only, the timestep's place inside its interval.
    """

    source: str
    sampled_to: int
    seed: int
    within: int = 0

    def noise(self, batch: int, shape: Sequence[int]) -> Tensor:
        """Starting noise (batch, c, h, w) float32, drawn on the CPU."""
        return torch.randn((batch, *shape), generator=torch.Generator().manual_seed(self.seed))


def plan_training(requests: Sequence[EditRequest], settings: Settings) -> list[list[TrainingStep]]:
    """Draw all training steps in order: one list, or one per concept ("sequential")."""
    if settings.several == "sequential":
        each, more = divmod(settings.iterations, len(requests))
        counts = [each + (place < more) for place in range(len(requests))]
        return [list(islice(_steps(request, settings), count)) for request, count in zip(requests, counts, strict=True)]
    ordered = sorted(requests, key=lambda request: request.id)  # so that the order of the requests does not matter
    streams = [_steps(request, settings) for request in ordered]
    turns = _turns(ordered, settings)
    return [[next(streams[place]) for place in islice(turns, settings.iterations)]]


def _turns(requests: Sequence[EditRequest], settings: Settings) -> Iterator[int]:
    """The concept of each step: "drawn" independently, as the authors do, or "deck" in shuffled rounds."""
    generator = random.Random(",".join(f"{request.id}:{request.seed}" for request in requests))
    while True:
        if settings.several == "drawn":
            yield generator.randrange(len(requests))
        else:
            yield from generator.sample(range(len(requests)), len(requests))


def _steps(request: EditRequest, settings: Settings) -> Iterator[TrainingStep]:
    """A concept's endless draws, which depend on the request's seed alone."""
    generator, steps = random.Random(request.seed), settings.sampling_steps
    first, last = (1, steps - 2) if settings.variant == "2024" else (0, steps - 1)
    while True:
        sampled_to = generator.randint(first, last)
        within = generator.randrange(TIMESTEPS // steps) if settings.variant == "2023" else 0
        yield TrainingStep(request.source, sampled_to, generator.randint(0, LARGEST_SEED), within)


def levels_2023(index: int, steps: int) -> list[int]:
    """The noise levels of the code of 2023 for t_enc = `index`, first to last.

    Its list of S = `steps` levels loses the noisiest, and the walk stops one level past t_enc, so the latents end
    cleaner than the timestep that the denoiser is then given (baselines: 39 to 58 timesteps at S = 50).

    >>> levels_2023(49, 50), levels_2023(2, 50)[-1], levels_2023(0, 50) == levels_2023(1, 50)
    ([961, 941], 1, True)
    """
    width, stop = TIMESTEPS // steps, max(index - 1, 0)
    return [width * place + 1 for place in range(steps - 2, stop - 1, -1)] + [width * (stop - 1) + 1 if stop else 0]


def levels_2024(index: int, steps: int) -> list[int]:
    """The noise levels of `index` DDIM steps, first to last.

    >>> levels_2024(3, 50)
    [981, 961, 941, 921]
    """
    width = TIMESTEPS // steps
    return [width * (steps - 1 - place) + 1 for place in range(index + 1)]


def timestep(step: TrainingStep, settings: Settings) -> int:
    """The timestep given to the denoiser in the code of 2023 and 2024."""
    width = TIMESTEPS // settings.sampling_steps
    return width * step.sampled_to + step.within if settings.variant == "2023" else TIMESTEPS - width * step.sampled_to

"""MACE's second stage: train the LoRA terms of several concepts in one batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.methods.common.denoiser import Denoiser, join_conditions
from iceb.methods.common.seeding import content_seed
from iceb.methods.mace.closed_forms import Term
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.lora import Lora, WatchedUNet, new_terms
from iceb.methods.mace.loss import Optimiser, StepBatch, measure_attention, normalise_images, timestep_weights
from iceb.methods.mace.prompt_states import PromptStates
from iceb.methods.mace.rows import concept_columns
from iceb.methods.mace.settings import Training

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images, masks and prompts that one concept is trained on."""

    concept: Concept
    read: PromptStates  # its prompts
    own_ids: list[int]  # its tokens
    images: Array  # (n, H, W, 3) uint8
    masks: Array | None  # (n, H, W) bool; None: the whole image


class _Stream:
    """A training set with its random numbers, which depend on nothing but the concept."""

    def __init__(self, training_set: TrainingSet, settings: Training, denoiser: Denoiser) -> None:
        seeded_by = {"mace stage 2": training_set.concept.seed, "source": training_set.concept.source}
        self.generator = torch.Generator().manual_seed(content_seed(seeded_by))
        self.training_set = training_set
        self.weights = timestep_weights(denoiser.timesteps, settings.importance_sampling)
        self.mean, self.deviation = denoiser.encode(normalise_images(torch.from_numpy(training_set.images.copy())))
        self.scaling = denoiser.scaling
        rows = zip(training_set.read.ids, training_set.read.ends, strict=True)
        self.columns = [concept_columns(ids, training_set.own_ids, end, settings.use_pooler) for ids, end in rows]
        self.order = self._epochs()

    def _epochs(self) -> Iterator[int]:
        """Indices of images in endless shuffled rounds."""
        while True:
            yield from torch.randperm(len(self.mean), generator=self.generator).tolist()

    def step(self, denoiser: Denoiser) -> StepBatch:
        """The next step's batch of one row."""
        image, generator = next(self.order), self.generator
        prompt = int(torch.randint(len(self.columns), (1,), generator=generator))
        shape = self.mean[image].shape
        sampled, noise = (torch.randn(shape, generator=generator).to(self.mean) for _ in range(2))
        timestep = torch.multinomial(self.weights, 1, generator=generator).to(denoiser.device)
        clean = (self.mean[image] + self.deviation[image] * sampled) * self.scaling
        masks = self.training_set.masks
        return StepBatch(
            denoiser.add_noise(clean[None], noise[None], timestep),
            timestep,
            self.training_set.read.condition.rows(torch.tensor([prompt])),
            torch.tensor([self.columns[prompt]], device=denoiser.device),
            None if masks is None else torch.from_numpy(masks[image : image + 1].copy()).to(denoiser.device),
        )


def join_batches(rows: Sequence[StepBatch]) -> StepBatch:
    """Concatenate several batches; of some with masks the others have the whole image."""
    masked = next((row.masks for row in rows if row.masks is not None), None)
    masks = [] if masked is None else [torch.ones_like(masked) if row.masks is None else row.masks for row in rows]
    return StepBatch(
        torch.cat([row.latents for row in rows]),
        torch.cat([row.timesteps for row in rows]),
        join_conditions([row.condition for row in rows]),
        torch.cat([row.columns for row in rows]),
        torch.cat(masks) if masks else None,
    )


@dataclass(frozen=True, eq=False)
class TrainedTerms:
    """The terms of B concepts and their losses."""

    loras: dict[str, Lora]
    losses: Tensor  # (steps, B)


def train_terms(
    denoiser: Denoiser, watched: WatchedUNet, training_sets: Sequence[TrainingSet], settings: Training
) -> TrainedTerms:
    """Train one term per concept and projection to take the concept's attention away.

    Args:
        denoiser: with the refined weights, float32, frozen.
        watched: its UNet.
        training_sets: one per concept.
        settings: steps, rate and the like.
    """
    streams = [_Stream(training_set, settings, denoiser) for training_set in training_sets]
    loras = new_terms(denoiser.unet, settings.rank, [stream.generator for stream in streams])
    optimiser = Optimiser(loras, settings.rate)
    losses = []
    for _ in range(settings.steps):
        batch = join_batches([stream.step(denoiser) for stream in streams])
        norms = measure_attention(denoiser, watched, loras, batch)
        optimiser.step(norms.loss)
        losses.append(norms.loss.detach())
    return TrainedTerms(loras, torch.stack(losses))


def pack_terms(loras: dict[str, Lora], row: int) -> Array:
    """Flatten a concept's terms into one vector, (Σ r (d + d_out),) float32, down before up."""
    pieces = [tensor[row].detach().flatten() for lora in loras.values() for tensor in lora.tensors]
    found: Array = torch.cat(pieces).float().cpu().numpy()
    return found


def unpack_terms(numbers: Array, shapes: dict[str, tuple[int, int]], rank: int) -> dict[str, Term]:
    """Undo `pack_terms`.

    Args:
        numbers: as `pack_terms` gives them.
        shapes: name → (d_out, d) of each projection, in the terms' order.
        rank: r.
    """
    rest, terms = torch.from_numpy(numbers.copy()), {}
    for name, (out, width) in shapes.items():
        down, up, rest = torch.split(rest, [rank * width, out * rank, len(rest) - rank * (width + out)])
        terms[name] = (down.reshape(rank, width), up.reshape(out, rank))
    return terms

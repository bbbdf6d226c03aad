"""The loss of MACE's second stage, a concept's share of the attention maps, and one training step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from iceb.methods.common.denoiser import Condition, Denoiser
from iceb.methods.mace.lora import Lora, WatchedUNet

# As in the authors' code: normalised as for ImageNet classifiers, not to the [−1, 1] the autoencoder was trained on.
PIXEL_MEAN, PIXEL_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = 0.5  # above it a mask's pixel is inside
IMPORTANT = (200, 400, 0.05)  # centres and steepness of the two sigmoids between which timesteps are drawn


@dataclass(frozen=True)
class StepBatch:
    """The batch of one training step, a row per concept."""

    latents: Tensor  # (B, c, h, w), noised
    timesteps: Tensor  # (B,)
    condition: Condition
    columns: Tensor  # (B, L) bool, the concept's columns
    masks: Tensor | None  # (B, H, W) in [0, 1]; None: the whole image


@dataclass
class MapNorms:
    """Attention hook: ‖probabilities[heads, pixels in mask, concept's columns]‖_F by layer and row."""

    columns: Tensor  # (B, L) bool
    masks: Tensor | None  # (B, H, W)
    found: dict[str, Tensor] = field(default_factory=dict)  # layer → (B,)

    def __call__(self, layer: str, probabilities: Tensor) -> None:
        """Add one layer's map, (B, heads, pixels, L)."""
        kept = probabilities * self.columns[:, None, None, :].to(probabilities)
        if self.masks is not None:
            side = round(probabilities.shape[2] ** 0.5)
            inside = interpolate(self.masks[:, None].float(), (side, side)) > HALF  # (B, 1, side, side), nearest
            kept = kept * inside.flatten(2).transpose(1, 2)[:, None].to(kept)
        self.found[layer] = torch.linalg.vector_norm(kept.flatten(1).float(), dim=1)

    @property
    def loss(self) -> Tensor:
        """The sum of the norms over layers, (B,)."""
        return torch.stack(list(self.found.values())).sum(dim=0)


def normalise_images(images: Tensor) -> Tensor:
    """Normalise images (B, H, W, 3) uint8 as the authors do for the autoencoder, (B, 3, H, W)."""
    mean, deviation = (torch.tensor(value, device=images.device) for value in (PIXEL_MEAN, PIXEL_DEVIATION))
    scaled = (images.float() / 255 - mean) / deviation
    return scaled.permute(0, 3, 1, 2)


def timestep_weights(count: int, important: bool) -> Tensor:
    """Probabilities of timesteps, (count,): p(t) ∝ σ(0.05 (t − 200)) − σ(0.05 (t − 400)), or uniform."""
    steps = torch.arange(count, dtype=torch.float64)
    low, high, steepness = IMPORTANT
    rise, fall = torch.sigmoid(steepness * (steps - low)), torch.sigmoid(steepness * (steps - high))
    weights: Tensor = rise - fall if important else torch.ones_like(steps)
    return weights / weights.sum()


def measure_attention(
    denoiser: Denoiser, watched: WatchedUNet, loras: Mapping[str, Lora], batch: StepBatch
) -> MapNorms:
    """Measure the concept's attention in one forward pass, each row with its own terms."""
    norms = MapNorms(batch.columns, batch.masks)
    with watched.during(loras, norms):
        denoiser.predict_noise(batch.latents, batch.timesteps, batch.condition)
    return norms


class Optimiser:
    """AdamW over the terms of B concepts, each concept's gradient clipped at norm 1.

    A tensor without gradient is left alone: the last layer's values never reach the loss, so their term stays as drawn.
    """

    def __init__(self, loras: Mapping[str, Lora], rate: float, clip: float = 1.0) -> None:
        self.tensors: Sequence[Tensor] = [tensor.requires_grad_() for lora in loras.values() for tensor in lora.tensors]
        self.adam = torch.optim.AdamW(self.tensors, lr=rate)
        self.clip = clip

    def step(self, loss: Tensor) -> Tensor:
        """Take one step on the losses (B,); return the gradients' norms before clipping, (B,)."""
        self.adam.zero_grad(set_to_none=True)
        loss.sum().backward()  # type: ignore[no-untyped-call]
        norms = self._clip_norms()
        self.adam.step()
        return norms

    def _clip_norms(self) -> Tensor:
        gradients = [tensor.grad for tensor in self.tensors if tensor.grad is not None]
        parts = torch.stack([torch.linalg.vector_norm(gradient, dim=(1, 2)) for gradient in gradients])
        norms: Tensor = torch.linalg.vector_norm(parts, dim=0)  # (B,)
        factor = (self.clip / (norms + 1e-6)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(factor[:, None, None])
        return norms

"""Train mini's autoencoder: 32x32 images to 8x8x4 latents and back.

Sizes: B images a batch.
"""

import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tools.mini.looks import IMAGES, load_or_render, random_looks, scale_pixels
from tools.mini.options import Options
from tools.mini.training import SEED_SPAN, Training

BATCH, STEPS, RATE = 32, 5000, 2e-3
CHANNELS = (16, 32, 64)
ABSOLUTE_WEIGHT, PRIOR_WEIGHT = 0.1, 1e-4
UNSEEN = 512  # images that only the printed error is measured on
FIRST_SEED = 20_000_000  # of the batches; one seed a step, so that a resumed run draws the same


def new_autoencoder() -> AutoencoderKL:
    """Make the untrained autoencoder: about 0.65 M parameters, without attention."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=4,
        sample_size=32,
        mid_block_add_attention=False,
    ).to(memory_format=torch.channels_last)


def loss_of(model: AutoencoderKL, batch: Tensor, draw: torch.Generator) -> Tensor:
    """Squared and absolute error of the reconstruction plus the KL divergence of the latents, a scalar.

    Args:
        batch: (B, 3, 32, 32) in [-1, 1].
    """
    found = model.encode(batch).latent_dist
    sample = found.mean + found.std * torch.randn(found.mean.shape, generator=draw)  # (B, 4, 8, 8)
    again = model.decode(sample).sample
    prior = 0.5 * (found.mean**2 + found.var - 1 - found.logvar).mean()
    loss: Tensor = (again - batch).pow(2).mean() + ABSOLUTE_WEIGHT * (again - batch).abs().mean() + PRIOR_WEIGHT * prior
    return loss


@torch.no_grad()
def error(model: AutoencoderKL, images: Tensor) -> float:
    """Mean squared error of the reconstruction on [-1, 1]; `images` is (N, 3, 32, 32)."""
    again = model.decode(model.encode(images).latent_dist.mean).sample
    return float((again - images).pow(2).mean().item())


def new_training(model: AutoencoderKL, steps: int) -> Training:
    """Set up training: AdamW with a one-cycle learning rate."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.05)
    return Training({"model": model}, optimiser, schedule, list(model.parameters()))


def train(folder: Path, options: Options) -> AutoencoderKL:
    """Train from scratch or from the last checkpoint in `folder`."""
    torch.manual_seed(options.seed)
    steps, count = options.part_of(STEPS), options.part_of(IMAGES)
    images = load_or_render(folder, random_looks(count, 1, pick=options.pick), 1)
    unseen = scale_pixels(load_or_render(folder, random_looks(UNSEEN, 2), 2))
    model = new_autoencoder()
    training, keep, begun = new_training(model, steps), folder / "autoencoder.pt", time.time()
    for step in training.steps(keep, training.resume(keep), steps, every=500):
        draw = torch.Generator().manual_seed(FIRST_SEED + SEED_SPAN * options.seed + step)
        batch = scale_pixels(images[torch.randint(count, (BATCH,), generator=draw)])
        training.learn(loss_of(model, batch, draw))
        if step % 100 == 0:
            print(f"autoencoder {step}/{steps} error {error(model, unseen):.5f} {time.time() - begun:.0f}s", flush=True)
    return model

"""Train mini's judge: a ViT that classifies 1 000 classes by heads for shape, colour and pattern.

A class is a shape, a colour and a pattern, so the sum of the three heads' rows is a 1 000-way head whose softmax is the
product of theirs: the merge at the end is exact. A share of the images has been through the autoencoder, all have
some noise or tint, so that the judge reads drawn images as surely as rendered ones.

Sizes: N images, B of them in a batch.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from iceb.mini.world import COLOURS, NUM_CLASSES, PATTERNS, SHAPES, Look, class_look, class_names
from tools.mini.looks import IMAGES, load_or_render, object_numbers, random_looks, scale_pixels
from tools.mini.training import Training

BATCH, STEPS, WIDTH = 96, 1800, 96
SIZES_OF_HEADS = (len(SHAPES), len(COLOURS), len(PATTERNS))
DECODED, DECODED_SHARE = 9000, 0.7  # so many images exist decoded too, and are shown so in this share of cases
NO_TRUTH = -100  # cross entropy's mark for "ask nothing here"


def new_judge() -> ViTForImageClassification:
    """Make the untrained ViT: four layers on 4x4 patches; its labels are the class names."""
    names = class_names()
    return ViTForImageClassification(
        ViTConfig(
            hidden_size=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=256,
            image_size=32,
            patch_size=4,
            id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def processor() -> ViTImageProcessor:
    """Make the image processor: uint8 images of 32x32 pixels to [-1, 1]."""
    half = [0.5, 0.5, 0.5]
    return ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=half, image_std=half)


def parts_of(looks: Sequence[Look]) -> Tensor:
    """Shape, colour and pattern as numbers, (N, 3); NO_TRUTH without an object."""
    return torch.tensor([(object_numbers(look) or (NO_TRUTH,) * 3)[:3] for look in looks])


@torch.no_grad()
def decode_noisily(vae: AutoencoderKL, images: Tensor) -> Tensor:
    """Encode and decode images with twice the latent noise, uint8 as before, (N, 3, 32, 32)."""
    out = []
    for start in range(0, len(images), 100):
        found = vae.encode(scale_pixels(images[start : start + 100])).latent_dist
        again = vae.decode(found.mean + 2 * found.std * torch.randn_like(found.mean)).sample
        out.append((again.clamp(-1, 1) * 127.5 + 127.5).round().byte())
    return torch.cat(out)


def disturb_batch(batch: Tensor, draw: torch.Generator, grain: bool) -> Tensor:
    """Change the contrast and tint of each image, and add grain if asked; (B, 3, 32, 32) in [-1, 1]."""
    count = len(batch)
    batch = batch * (1 + 0.1 * torch.randn(count, 1, 1, 1, generator=draw))
    batch = batch + 0.05 * torch.randn(count, 3, 1, 1, generator=draw)
    if grain:
        batch = batch + 0.12 * torch.rand(count, 1, 1, 1, generator=draw) * torch.randn(batch.shape, generator=draw)
    return batch.clamp(-1, 1)


def sample_batch(images: Tensor, through: Tensor, rows: Tensor, draw: torch.Generator) -> Tensor:
    """The images at `rows`, (B, 3, 32, 32) in [-1, 1]; often in their decoded version if there is one.

    Args:
        images: all images, (N, 3, 32, 32) uint8.
        through: the first of them after the autoencoder, (n, 3, 32, 32) uint8.
        rows: (B,).
    """
    batch = images[rows].float()
    soft = (rows < len(through)) & (torch.rand(len(rows), generator=draw) < DECODED_SHARE)
    batch[soft] = through[rows[soft]].float()
    return batch / 127.5 - 1


def loss_of(judge: ViTForImageClassification, heads: Sequence[nn.Linear], batch: Tensor, truth: Tensor) -> Tensor:
    """Sum of the heads' cross entropies, a scalar; `batch` (B, 3, 32, 32) in [-1, 1], `truth` (B, 3)."""
    seen = judge.vit(pixel_values=batch).last_hidden_state[:, 0]  # (B, d)
    parts = [cross_entropy(head(seen), truth[:, i], ignore_index=NO_TRUTH) for i, head in enumerate(heads)]
    return torch.stack(parts).sum()


def merge_heads(judge: ViTForImageClassification, heads: Sequence[nn.Linear]) -> None:
    """Write the 1 000-way head: for each class the sum of its shape's, colour's and pattern's rows."""
    shape, colour, pattern = heads
    first, second, third = parts_of([class_look(i) for i in range(NUM_CLASSES)]).unbind(1)  # (1000,) each
    with torch.no_grad():
        judge.classifier.weight.copy_(shape.weight[first] + colour.weight[second] + pattern.weight[third])
        judge.classifier.bias.copy_(shape.bias[first] + colour.bias[second] + pattern.bias[third])


def new_training(judge: ViTForImageClassification, heads: Sequence[nn.Linear], steps: int) -> Training:
    """Set up training: AdamW with a one-cycle learning rate; the 1 000-way head is merged, not trained."""
    trained = [*judge.vit.parameters(), *(parameter for head in heads for parameter in head.parameters())]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.2e-3, steps, pct_start=0.08)
    return Training({"judge": judge}, optimiser, schedule, trained)


def train(folder: Path, vae: AutoencoderKL, steps: int = STEPS) -> ViTForImageClassification:
    """Train without a checkpoint, since it takes minutes; the images are stored in `folder`."""
    torch.manual_seed(0)
    looks = random_looks(IMAGES, 1)
    images, truth = load_or_render(folder, looks, 1), parts_of(looks)
    through = decode_noisily(vae, images[:DECODED])
    judge, heads = new_judge(), [nn.Linear(WIDTH, size) for size in SIZES_OF_HEADS]
    training = new_training(judge, heads, steps)
    draw, begun = torch.Generator().manual_seed(3), time.time()
    for step in range(steps):
        rows = torch.randint(IMAGES, (BATCH,), generator=draw)
        batch = disturb_batch(sample_batch(images, through, rows, draw), draw, grain=step % 2 == 1)
        loss = loss_of(judge, heads, batch, truth[rows])
        training.learn(loss)
        if step % 100 == 0:
            print(f"judge {step}/{steps} loss {loss.item():.3f} {time.time() - begun:.0f}s", flush=True)
    merge_heads(judge, heads)
    return judge

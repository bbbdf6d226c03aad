"""Training looks: drawn at random, as numbers, and rendered as images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iceb.mini.render import render
from iceb.mini.world import COLOURS, PATTERNS, PLAIN, SCENES, SHAPES, SIZES, Look, class_look

IMAGES = 30_000  # that the autoencoder, the judge and the denoiser's first phase see
WITHOUT_OBJECT = 0.03  # share of images that show a scene only
SEED_STRIDE = 1_000_003  # between the seeds of two sets of images


def random_looks(count: int, seed: int) -> list[Look]:
    """Draw looks of random classes with random sizes and scenes; 3 % show a scene without an object."""
    draw = np.random.default_rng(seed)
    scenes = [PLAIN] * 6 + list(SCENES)
    sizes = ("medium", "medium", "medium", "small", "large")
    found = []
    for _ in range(count):
        if draw.random() < WITHOUT_OBJECT:
            found.append(Look(None, "red", "solid", scene=scenes[draw.integers(len(scenes))]))
            continue
        look = class_look(int(draw.integers(1000)))
        size = sizes[draw.integers(len(sizes))]
        found.append(Look(look.shape, look.colour, look.pattern, size, scenes[draw.integers(len(scenes))]))
    return found


def object_numbers(look: Look) -> tuple[int, int, int, int] | None:
    """Shape, colour, pattern and size as numbers; None without an object."""
    if look.shape is None:
        return None
    parts = (SHAPES.index(look.shape), list(COLOURS).index(look.colour), PATTERNS.index(look.pattern))
    return (*parts, list(SIZES).index(look.size))


def scene_number(look: Look) -> int:
    """The scene as a number; 0 is the plain ground."""
    return [PLAIN, *SCENES].index(look.scene)


def render_looks(looks: Sequence[Look], seed: int, first: int = 0) -> Tensor:
    """Render looks, (N, 3, 32, 32) uint8; `first` is the index of the first look in its set."""
    images = [render(look, seed * SEED_STRIDE + first + place) for place, look in enumerate(looks)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def load_or_render(folder: Path, looks: Sequence[Look], seed: int) -> Tensor:
    """Images of `looks`, (N, 3, 32, 32) uint8, stored in `folder`."""
    path = folder / f"images_{len(looks)}_{seed}.npz"
    if not path.exists():
        np.savez(path, images=render_looks(looks, seed).permute(0, 2, 3, 1).numpy())
    return torch.from_numpy(np.load(path)["images"]).permute(0, 3, 1, 2)


def scale_pixels(images: Tensor) -> Tensor:
    """Scale uint8 images (N, 3, 32, 32) to floats in [-1, 1]."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)

"""Training looks: drawn at random, as numbers, and rendered as images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iceb.mini.factors import factors_of
from iceb.mini.grammar import sentence
from iceb.mini.parts import Pick, uniform
from iceb.mini.render import render
from iceb.mini.world import Look

IMAGES = 30_000  # that the autoencoder, the judges and the denoiser's first phase see
SEED_STRIDE = 1_000_003  # between the seeds of two sets of images
# Shares of the kinds of images: those of the sentences, with fewer single objects, which are learned first.
KINDS: Mapping[str, float] = {"free": 0.5, "style": 0.12, "person": 0.16, "pair": 0.18, "scene": 0.04}


def random_looks(count: int, seed: int, kinds: Mapping[str, float] = KINDS, pick: Pick = uniform) -> list[Look]:
    """Draw the looks of random sentences: one object, two, a person, a style, an empty scene."""
    draw = np.random.default_rng(seed)
    return [sentence(draw, pick=pick, weights=kinds).look for _ in range(count)]


def factor_table(looks: Sequence[Look]) -> Tensor:
    """The factors of looks as numbers, (N, F)."""
    return torch.tensor([factors_of(look) for look in looks])


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

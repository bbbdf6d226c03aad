"""Augmented versions of rendered images, by which mini's judges learn to read drawn images too.

A share of the images has been through the autoencoder, all have another contrast and tint, some have grain.

Sizes: N images, B of them in a batch.
"""

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tools.mini.looks import scale_pixels

DECODED_SHARE = 0.7  # an image that exists decoded too is shown so in this share of cases
GRAINY_SHARE = 0.5


@dataclass(frozen=True)
class Views:
    """Images with the decoded versions of some of them."""

    images: Tensor  # (N, 3, 32, 32) uint8
    decoded: Tensor  # (n, 3, 32, 32) uint8
    place: Tensor  # (N,) of an image's decoded version in `decoded`; -1 where there is none

    @classmethod
    def join(cls, *parts: tuple[Tensor, Tensor]) -> "Views":
        """Join sets of images, each with the decoded versions of the first of them."""
        places, known = [], 0
        for images, decoded in parts:
            first = torch.arange(known, known + len(decoded))
            places += [first, torch.full((len(images) - len(decoded),), -1)]
            known += len(decoded)
        return cls(torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts]), torch.cat(places))

    def batch(self, rows: Tensor, draw: torch.Generator) -> Tensor:
        """The images at `rows`, (B,), disturbed; (B, 3, 32, 32) in [-1, 1]."""
        batch, place = self.images[rows], self.place[rows]
        soft = (place >= 0) & (torch.rand(len(rows), generator=draw) < DECODED_SHARE)
        batch[soft] = self.decoded[place[soft]]
        return disturb(scale_pixels(batch), draw)


def disturb(batch: Tensor, draw: torch.Generator) -> Tensor:
    """Change the contrast and tint of each image, and add grain to some; (B, 3, 32, 32) in [-1, 1]."""
    count = len(batch)
    batch = batch * (1 + 0.1 * torch.randn(count, 1, 1, 1, generator=draw))
    batch = batch + 0.05 * torch.randn(count, 3, 1, 1, generator=draw)
    grain = 0.12 * torch.rand(count, 1, 1, 1, generator=draw)
    grain *= torch.rand(count, 1, 1, 1, generator=draw) < GRAINY_SHARE
    return (batch + grain * torch.randn(batch.shape, generator=draw)).clamp(-1, 1)


@torch.no_grad()
def decode_noisily(vae: AutoencoderKL, images: Tensor, seed: int) -> Tensor:
    """Encode and decode images with twice the latent noise, uint8 as before, (N, 3, 32, 32)."""
    draw, out = torch.Generator().manual_seed(seed), []
    for start in range(0, len(images), 100):
        found = vae.encode(scale_pixels(images[start : start + 100])).latent_dist
        again = vae.decode(found.mean + 2 * found.std * torch.randn(found.mean.shape, generator=draw)).sample
        out.append((again.clamp(-1, 1) * 127.5 + 127.5).round().byte())
    return torch.cat(out)

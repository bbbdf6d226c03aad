"""Sentences with their images, and the batches that mini's CLIP twin is trained on.

Sizes: N pairs, B of them in a batch, T tokens, F factors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from iceb.mini.factors import FACTORS
from iceb.mini.grammar import Sentence, sentence
from tools.mini.looks import KINDS, factor_table, load_or_render
from tools.mini.views import Views, decode_noisily

Tokenize = Callable[[list[str]], Tensor]
# Shares of the batches by the sentences in them; one of a single kind holds images that are hard to tell apart.
GROUPS = {"object": 0.35, "style": 0.15, "person": 0.2, "pair": 0.15, "all": 0.15}
LONGEST = 24  # tokens; longer sentences, one in ten, are left out, since all of a batch are padded to its longest
COLUMNS = {name: place for place, name in enumerate(FACTORS)}


@dataclass(frozen=True)
class Pairs:
    """Images with the sentence and the factors of each."""

    views: Views
    ids: Tensor  # (N, 77)
    factors: Tensor  # (N, F)

    def sample(self, size: int, draw: torch.Generator) -> Tensor:
        """The numbers of up to `size` pairs of one group, no two of which have one look or one text, (B,)."""
        lot = torch.rand(1, generator=draw).item()
        bounds = np.cumsum(list(GROUPS.values()))
        group = list(self.groups.values())[int(np.searchsorted(bounds, lot * bounds[-1], side="right"))]
        rows = group[torch.randint(len(group), (size,), generator=draw)]
        return rows[first_of_each(self.factors[rows]) & first_of_each(self.ids[rows])]

    @cached_property
    def groups(self) -> dict[str, Tensor]:
        """The numbers of the pairs of each group."""
        short = is_short(self.ids)
        found = dict(zip(GROUPS, group_masks(self.factors), strict=True))
        return {name: (mask & short).nonzero().flatten() for name, mask in found.items()}


def group_masks(factors: Tensor) -> tuple[Tensor, ...]:
    """Masks, (N,) each, of images (N, F) of one object, a style alone, a person, two objects, anything."""
    shape, second, skin, clothing, frame = (
        factors[:, COLUMNS[name]] > 0 for name in ("shape", "shape2", "skin", "clothing", "frame")
    )
    person = skin | clothing
    return shape & ~second, frame & ~shape & ~person, person, second, torch.ones_like(shape)


def is_short(ids: Tensor) -> Tensor:
    """Mask of the texts, (B, 77), that have at most `LONGEST` tokens, (B,)."""
    return ids.argmax(dim=-1) < LONGEST  # the end token has the highest number


def first_of_each(rows: Tensor) -> Tensor:
    """Mask of the rows, (B, k), that equal no earlier one, (B,)."""
    same = (rows[:, None] == rows[None]).all(dim=-1)  # (B, B)
    return ~same.tril(diagonal=-1).any(dim=1)


def random_sentences(count: int, seed: int) -> list[Sentence]:
    """Draw the sentences whose looks `random_looks(count, seed)` draws."""
    draw = np.random.default_rng(seed)
    return [sentence(draw, weights=KINDS) for _ in range(count)]


def prepare_pairs(folder: Path, vae: AutoencoderKL, tokenize: Tokenize, count: int, decoded: int, seed: int) -> Pairs:
    """Make the training set; the renders are stored in `folder`, where other stages find them.

    Args:
        decoded: so many of the images exist decoded too.
    """
    said = random_sentences(count, seed)
    looks = [each.look for each in said]
    images = load_or_render(folder, looks, seed)
    views = Views.join((images, decode_noisily(vae, images[:decoded], seed)))
    return Pairs(views, tokenize([each.text for each in said]), factor_table(looks))


def more_sentences(count: int, tokenize: Tokenize, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Draw up to `count` short sentences without images: token ids, (B, 77), and factors, (B, F)."""
    draw = np.random.default_rng(seeds)
    said = [sentence(draw) for _ in range(count)]
    ids, factors = tokenize([each.text for each in said]), factor_table([each.look for each in said])
    short = is_short(ids)
    return ids[short], factors[short]

"""Anchor images, drawn once by the unedited model and shared by every concept that has the anchor."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.progress import stage
from iceb.methods.ablation.concepts import Anchor
from iceb.methods.common.denoiser import Denoiser, prepare_images
from iceb.methods.common.text_encoder import slices
from iceb.models.drawing import seeded_images
from iceb.specs.methods import Bundle, Scratch
from iceb.specs.runs import Sampling

Array: TypeAlias = "np.ndarray[Any, Any]"
Place: TypeAlias = tuple[str, Anchor, int, bool]  # what the block holds, anchor, first index, mirrored
BLOCK = 16  # images kept under one key, so that a step reads a few of them and not a thousand
TOGETHER = 16  # blocks drawn at once, so that every core has work
BYTES_HELD = 1 << 30  # bytes of blocks in memory


@dataclass(frozen=True)
class Posterior:
    """The autoencoder's posterior of an image; a latent is sampled from it at each use."""

    mean: Tensor  # (c, h, w)
    deviation: Tensor  # (c, h, w)


class Anchors:
    """Anchor images and their latents, stored in blocks in the scratch.

    Args:
        bundle: the unedited model.
        denoiser: its autoencoder and sizes.
        scratch: where blocks are kept.
        sampling: how images are drawn.
        count: images of each anchor.
        seed: the first image's; image i of every anchor has seed + i.
        side: pixels of a training image.
    """

    def __init__(
        self, bundle: Bundle, denoiser: Denoiser, scratch: Scratch, sampling: Sampling, count: int, seed: int, side: int
    ) -> None:
        self.bundle, self.denoiser = bundle, denoiser
        self.scratch = scratch.depends_on()  # all that decides an image is in its key
        self.sampling, self.count, self.seed, self.side = sampling, count, seed, side
        self.drawn = 0
        self._held: OrderedDict[Place, Array] = OrderedDict()
        self._bytes = 0

    def prepare(self, anchors: Iterable[Anchor]) -> None:
        """Draw the anchor images that are not stored yet."""
        blocks = [(anchor, start) for anchor in dict.fromkeys(anchors) for start in range(0, self.count, BLOCK)]
        missing = [block for block in blocks if self.scratch.get(self._key("images", *block)) is None]
        with stage("anchor images", len(missing) * BLOCK) as advance:
            for part in _alike(missing):
                for (anchor, start), made in zip(part, self._draw(part), strict=True):
                    self.scratch.put(self._key("images", anchor, start), made)
                    self._hold(("images", anchor, start, False), made)
                    advance(BLOCK)

    def image(self, anchor: Anchor, index: int, mirrored: bool = False) -> Array:
        """One anchor image as preprocessed for the autoencoder, (side, side, 3) uint8."""
        block = self._block("images", anchor, index, mirrored=False)
        plain = torch.zeros(1, dtype=torch.bool) | mirrored
        fitted = prepare_images(block[index % BLOCK][None], plain, self.side)[0]
        found: Array = ((fitted + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
        return found

    def posterior(self, anchor: Anchor, index: int, mirrored: bool = False) -> Posterior:
        """The posterior of a whole image; its block is encoded when first needed, and stored."""
        block = self._block("latents", anchor, index, mirrored)
        mean, deviation = torch.from_numpy(np.array(block[index % BLOCK]))
        return Posterior(mean, deviation)

    def _block(self, what: str, anchor: Anchor, index: int, mirrored: bool) -> Array:
        start = index - index % BLOCK
        place = (what, anchor, start, mirrored)
        if place not in self._held:
            key = self._key(what, anchor, start, mirrored)
            made = self._drawn_block if what == "images" else self._encoded_block
            self._hold(place, self.scratch.array(key, lambda: made(anchor, start, mirrored)))
        self._held.move_to_end(place)
        return self._held[place]

    def _hold(self, place: Place, block: Array) -> None:
        self._held[place] = block
        self._bytes += block.nbytes
        while self._bytes > BYTES_HELD and len(self._held) > 1:
            self._bytes -= self._held.popitem(last=False)[1].nbytes

    def _drawn_block(self, anchor: Anchor, start: int, mirrored: bool) -> Array:
        return self._draw([(anchor, start)])[0]

    def _encoded_block(self, anchor: Anchor, start: int, mirrored: bool) -> Array:
        """(n, 2, c, h, w): mean and deviation of each image of a block."""
        pixels = self._block("images", anchor, start, mirrored=False)
        flipped = torch.zeros(len(pixels), dtype=torch.bool) | mirrored
        mean, deviation = self.denoiser.encode(prepare_images(pixels, flipped, self.side), at_once=BLOCK)
        found: Array = torch.stack([mean, deviation], dim=1).float().cpu().numpy()
        return found

    def _draw(self, blocks: Sequence[tuple[Anchor, int]]) -> list[Array]:
        """The images of blocks, which all have the same negative text."""
        places = [range(start, min(start + BLOCK, self.count)) for _, start in blocks]
        texts = [
            anchor.prompts[index % len(anchor.prompts)]
            for (anchor, _), rows in zip(blocks, places, strict=True)
            for index in rows
        ]
        seeds = [self.seed + index for rows in places for index in rows]
        made = seeded_images(self.bundle, texts, seeds, self.sampling, blocks[0][0].negative)
        self.drawn += len(made)
        return np.split(made, np.cumsum([len(rows) for rows in places])[:-1])

    def _key(self, what: str, anchor: Anchor, start: int, mirrored: bool = False) -> Mapping[str, Any]:
        key: dict[str, Any] = {
            "what": f"ablation anchor {what}",
            "model": self.bundle.digest,
            "anchor": asdict(anchor),
            "sampling": asdict(self.sampling),
            "seed": self.seed,
            "rows": [start, min(start + BLOCK, self.count)],
        }
        return key if what == "images" else {**key, "side": self.side, "mirrored": mirrored}


def _alike(blocks: Sequence[tuple[Anchor, int]]) -> Iterable[Sequence[tuple[Anchor, int]]]:
    """Groups of blocks that can be drawn together."""
    by_negative: dict[str, list[tuple[Anchor, int]]] = {}
    for block in blocks:
        by_negative.setdefault(block[0].negative, []).append(block)
    for group in by_negative.values():
        for start, stop in slices(len(group), TOGETHER):
            yield group[start:stop]

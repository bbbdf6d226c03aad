"""Training batches: anchor images, prompts and noise; several concepts mix in one step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from iceb.methods.ablation.anchors import Anchors
from iceb.methods.ablation.augmentation import place_image, view
from iceb.methods.ablation.concepts import Anchor, Concept
from iceb.methods.ablation.objective import Batch
from iceb.methods.ablation.randomness import RandomStream
from iceb.methods.common.denoiser import Denoiser


@dataclass(frozen=True)
class Row:
    """A row of a training batch."""

    prompt: str
    anchor_prompt: str
    latent: Tensor  # (c, h, w), scaled
    mask: Tensor  # (1, h, w)
    noise: Tensor  # (c, h, w)
    timestep: int


class Batches:
    """Endless training batches.

    Every concept has a stream of its own, so its draws depend on no other concept.

    Deviation: the authors shuffle the images of all concepts together; here each concept comes once in every round,
    and goes through its anchor's images in rounds of its own.

    Args:
        concepts: what is ablated.
        anchors: their images.
        denoiser: autoencoder and noise levels.
        variant, augment, flip, seed: the method's settings.
        size: rows to be ablated in each step.
        prior: an anchor for the rows that preserve, None: each concept's own.
        preserve: whether there are such rows; they are as many.
    """

    def __init__(
        self,
        concepts: Sequence[Concept],
        anchors: Anchors,
        denoiser: Denoiser,
        *,
        variant: str,
        augment: bool,
        flip: bool,
        seed: int,
        size: int,
        preserve: bool,
        prior: Anchor | None = None,
    ) -> None:
        self.concepts, self.anchors, self.denoiser = concepts, anchors, denoiser
        self.variant, self.augment, self.flip = variant, augment, flip
        self.size, self.preserve, self.prior = size, preserve, prior
        self.factor = denoiser.pixels // denoiser.latent_shape[1]
        self.order = RandomStream(seed=seed, what="order").rounds(len(concepts))
        self.streams = [RandomStream(seed=seed, target=each.target, request=each.seed) for each in concepts]
        self.images = [stream.rounds(anchors.count) for stream in self.streams]

    def __iter__(self) -> Iterator[Batch[list[str]]]:
        while True:
            chosen = list(islice(self.order, self.size))
            rows = [self._ablation_row(which) for which in chosen]
            kept = [self._preserving_row(which) for which in chosen] if self.preserve else []
            yield self._batch(rows, kept)

    def _ablation_row(self, which: int) -> Row:
        concept, stream, index = self.concepts[which], self.streams[which], next(self.images[which])
        prompt = concept.prompt(index, self.variant, stream)
        seen = view(stream, self.anchors.side, self.variant, self.augment and concept.resizable)
        mirrored = self._mirror(stream)
        if seen.scale == self.anchors.side:  # the whole image: its latent is known
            whole = self.anchors.posterior(concept.anchor, index, mirrored)
            mean, deviation, mask = whole.mean, whole.deviation, self._mask(bordered=seen.masked)
        else:
            pixels = self.anchors.image(concept.anchor, index, mirrored)
            image, mask = place_image(pixels, seen, self.anchors.side, self.factor, self.variant)
            mean, deviation = (part[0].cpu() for part in self.denoiser.encode(image[None]))
        return self._row(seen.prefix + prompt, concept.anchor_prompt(index), mean, deviation, mask, stream)

    def _preserving_row(self, which: int) -> Row:
        stream = self.streams[which]
        anchor = self.prior or self.concepts[which].anchor
        index = stream.randint(0, self.anchors.count)
        whole = self.anchors.posterior(anchor, index, self._mirror(stream))
        prompt = anchor.prompts[index % len(anchor.prompts)]
        return self._row(prompt, prompt, whole.mean, whole.deviation, self._mask(bordered=False), stream)

    def _mirror(self, stream: RandomStream) -> bool:
        return self.flip and stream.uniform() < 0.5

    def _row(
        self, prompt: str, anchor_prompt: str, mean: Tensor, deviation: Tensor, mask: Tensor, stream: RandomStream
    ) -> Row:
        latent = (mean + deviation * stream.normal(mean.shape)) * self.denoiser.scaling
        noise = stream.normal(mean.shape)
        return Row(prompt, anchor_prompt, latent, mask, noise, stream.randint(0, self.denoiser.timesteps))

    def _mask(self, bordered: bool) -> Tensor:
        cells = self.anchors.side // self.factor
        mask = torch.ones(1, cells, cells)
        if bordered:
            mask[:, [0, -1]], mask[:, :, [0, -1]] = 0, 0
        return mask

    def _batch(self, rows: Sequence[Row], kept: Sequence[Row]) -> Batch[list[str]]:
        every, device = [*rows, *kept], self.denoiser.device
        return Batch(
            torch.stack([row.latent for row in every]).to(device, self.denoiser.dtype),
            torch.stack([row.noise for row in every]).to(device, self.denoiser.dtype),
            torch.tensor([row.timestep for row in every], device=device),
            torch.stack([row.mask for row in every]).to(device),
            [row.prompt for row in every],
            [row.anchor_prompt for row in rows],
            len(rows),
        )

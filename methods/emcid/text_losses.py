"""Losses that pull the edited source's text states towards the destination's."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.text_encoder import TextStates

if TYPE_CHECKING:
    from iceb.methods.emcid.encoders import EncoderBatch
    from iceb.methods.emcid.settings import Stage1

TextLossOf: TypeAlias = Callable[
    [TextStates, Tensor], Tensor
]  # the edited source's outputs, its shift (B, T, d) → (G,)


def text_loss(encoder: "EncoderBatch", settings: "Stage1") -> TextLossOf:
    """Make the loss that the settings name, with everything independent of the edit computed."""
    if settings.text_loss == "none":
        return lambda edited, shift: torch.zeros(len(encoder.rows.first), device=encoder.rows.owner.device)
    if settings.tokens > 1 or settings.text_loss == "subject":  # several tokens: always compared at those tokens
        return lambda edited, shift: _subject_loss(encoder, edited)
    if settings.text_loss == "subject_end_pads":
        return SubjectEndPads(encoder)
    if settings.text_loss == "contrastive":
        return Contrastive(encoder)
    return lambda edited, shift: _pooled_loss(encoder, edited)


def _pooled_loss(encoder: "EncoderBatch", edited: TextStates) -> Tensor:
    gap = edited.pooled - encoder.dest.pooled  # (B, p)
    return encoder.rows.mean(gap.float().square().mean(dim=-1))


def _subject_loss(encoder: "EncoderBatch", edited: TextStates) -> Tensor:
    row = torch.arange(len(encoder.rows), device=encoder.rows.owner.device)[:, None]
    gap = edited.context[row, encoder.source.at] - encoder.dest.context[row, encoder.target.at]  # (B, T, d)
    return encoder.rows.mean(gap.float().square().mean(dim=(1, 2)))


class SubjectEndPads:
    """Mean squared error over the subject token, the end token and the pads after it.

    Read from prompts padded to the encoder's full length, and over as many pads as every prompt of the concept has on
    both sides, as in the authors' code; the denoiser still sees the short padding.
    """

    def __init__(self, encoder: "EncoderBatch") -> None:
        self.encoder = encoder
        self.source, self.target = encoder.source.pad_to_full_length(), encoder.target.pad_to_full_length()
        tower = encoder.tower
        self.bias = tower.bias(self.source)
        self.state = tower.advance(tower.embed(self.source), self.bias, 0, encoder.after)
        dest = tower.read(self.target).context
        spare = torch.minimum(_pads(self.source.mask), _pads(self.target.mask))  # (B,)
        rows = encoder.rows
        shared = torch.full_like(rows.first, self.source.ids.shape[1]).scatter_reduce(0, rows.owner, spare, "amin")
        steps = torch.arange(int(shared.max()) + 1, device=tower.device)[None]  # 0 is the end token, then pads
        self.counted = torch.cat(
            [torch.ones_like(steps[:, :1]).expand(len(rows), 1), steps <= shared[rows.owner, None]], 1
        )
        self.at = self._columns(encoder.source.at, self.source.ends, steps)
        self.row = torch.arange(len(rows), device=tower.device)[:, None]
        self.wanted = dest[self.row, self._columns(encoder.target.at, self.target.ends, steps)]

    def _columns(self, subject: Tensor, ends: Tensor, steps: Tensor) -> Tensor:
        last = self.source.ids.shape[1] - 1
        return torch.cat([subject[:, :1], (ends[:, None] + steps).clamp(max=last)], dim=1)

    def __call__(self, edited: TextStates, shift: Tensor) -> Tensor:
        """The loss for a shift, (G,)."""
        encoder = self.encoder
        state = self.state.index_put((self.row, encoder.source.at), shift, accumulate=True)
        context = encoder.tower.finish(state, self.bias, self.source, encoder.after).context
        gap = (context[self.row, self.at] - self.wanted).float().square().mean(dim=-1) * self.counted  # (B, 2 + pads)
        return encoder.rows.mean(gap.sum(dim=1) / self.counted.sum(dim=1))


def _pads(mask: Tensor) -> Tensor:
    return mask.shape[1] - mask.sum(dim=1)


class Contrastive:
    """−log softmax, over negative distances of pooled states, of picking the destination's bare name."""

    def __init__(self, encoder: "EncoderBatch") -> None:
        self.encoder = encoder
        self.anchors: list[Tensor] = []  # per concept (1 + negatives, p), the destination first
        for concept in encoder.concepts:
            if not concept.negatives:
                raise MethodError("the contrastive text loss needs negative captions: set `negatives`")
            self.anchors.append(encoder.tower.read(encoder.tower.tokens([concept.dest, *concept.negatives])).pooled)

    def __call__(self, edited: TextStates, shift: Tensor) -> Tensor:
        """The loss for the edited pooled states, (G,)."""
        sizes = self.encoder.rows.count.int().tolist()
        losses = []
        for pooled, anchors in zip(torch.split(edited.pooled, sizes), self.anchors, strict=True):
            distance = (pooled[:, None] - anchors[None]).norm(dim=-1)  # (P, 1 + negatives)
            losses.append(-(-distance).log_softmax(dim=-1)[:, 0].mean())
        return torch.stack(losses).float()

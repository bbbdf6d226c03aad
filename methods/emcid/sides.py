"""One text encoder's part in a batch of stage I: what is computed once, and what each step computes anew."""

from collections.abc import Sequence

import torch
from torch import Tensor

from iceb.methods.activations import TextStates, TextTower
from iceb.methods.emcid.concepts import Concept, Placed, Rows
from iceb.methods.emcid.settings import Stage1


class Side:
    """A text encoder with the prompts of a batch of concepts.

    Attributes:
        source: the source prompts, and where they are edited.
        start: v₀, (G, T, d): the state after the edited layer at the edited tokens of each concept's first prompt.
        dest: the encoder's outputs for the destination prompts; "esd" has no destination, its prompts are empty.
    """

    def __init__(self, tower: TextTower, concepts: Sequence[Concept], settings: Stage1, which: int) -> None:
        self.tower, self.concepts = tower, concepts
        self.after = settings.layers[which] + 1  # first layer that sees the edit
        self.tokens = settings.tokens
        self.rows = Rows.of(concepts, tower.device)
        with torch.no_grad():
            self._place(settings)
            self.bias = tower.bias(self.source.tokens)
            self.state = tower.advance(tower.embed(self.source.tokens), self.bias, 0, self.after)  # (B, L, d)
            self.start = self.state[self.rows.first[:, None], self.source.at[self.rows.first]]  # (G, T, d)
            self.dest = tower.read(self.target.tokens)
            self.clean = tower.finish(self.state, self.bias, self.source.tokens, self.after)

    def _place(self, settings: Stage1) -> None:
        self.source = Placed(self.tower, self.concepts, "source", self.tokens)
        if settings.noise_loss == "esd":
            self.target = Placed(self.tower, self.concepts, "nothing", self.tokens)
            return
        self.target = Placed(self.tower, self.concepts, "dest", self.tokens)
        if self.tokens > 1:  # both sides are padded to one width
            self.source, self.target = (
                Placed(self.tower, self.concepts, side, self.tokens, floor=other.widths)
                for side, other in (("source", self.target), ("dest", self.source))
            )

    def read(self, shift: Tensor) -> TextStates:
        """The encoder's outputs for the source prompts with `shift` (B, T, d) added at the edited tokens."""
        row = torch.arange(len(self.state), device=self.state.device)[:, None].expand_as(self.source.at)
        state = self.state.index_put((row, self.source.at), shift, accumulate=True)
        return self.tower.finish(state, self.bias, self.source.tokens, self.after)


def text_loss(sides: Sequence[Side], edited: Sequence[TextStates], rows: Rows, settings: Stage1) -> Tensor:
    """(G,) how far the edited source's text is from the destination's, summed over the encoders."""
    total = torch.zeros(len(rows.first), device=rows.owner.device)
    for side, states in zip(sides, edited, strict=True):
        if settings.tokens > 1 or settings.text_loss == "subject":
            total = total + _subject_loss(side, states, rows)
        elif settings.text_loss == "pooled":
            total = total + rows.mean((states.pooled - side.dest.pooled).float().square().mean(dim=-1))
    return total


def _subject_loss(side: Side, states: TextStates, rows: Rows) -> Tensor:
    index = torch.arange(len(rows), device=rows.owner.device)[:, None]
    gap = states.context[index, side.source.at] - side.dest.context[index, side.target.at]  # (B, T, d)
    return rows.mean(gap.float().square().mean(dim=(1, 2)))

"""Per-encoder state of a stage-I batch: cached tensors, and the forward pass repeated at each step."""

from collections.abc import Sequence

import torch
from torch import Tensor

from iceb.methods.common.text_encoder import TextStates, TextTower
from iceb.methods.emcid.concepts import Concept, EditedPrompts, Rows
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.text_losses import text_loss


class EncoderBatch:
    """A text encoder with the tokenised prompts of a batch of concepts.

    Attributes:
        source: the source prompts, and where they are edited.
        target: the destination prompts; "esd" has no destination, its prompts are empty.
        start: v₀, (G, T, d): the state after the edited layer at the edited tokens of each concept's first prompt.
        clean: the encoder's outputs for the unedited source prompts; only "esd" reads them.
        dest: the encoder's outputs for the destination prompts.
        text_loss: the prepared text loss.
    """

    def __init__(self, tower: TextTower, concepts: Sequence[Concept], settings: Stage1, which: int) -> None:
        self.tower, self.concepts = tower, concepts
        self.after = settings.layers[which] + 1  # first layer that sees the edit
        self.rows = Rows.of(concepts, tower.device)
        with torch.no_grad():
            self._place(settings)
            self.bias = tower.bias(self.source.tokens)
            self.state = tower.advance(tower.embed(self.source.tokens), self.bias, 0, self.after)  # (B, L, d)
            first = self.rows.first
            self.start = self.state[first[:, None], self.source.at[first]]  # (G, T, d)
            self.dest = tower.read(self.target.tokens)
            self.clean = tower.finish(self.state, self.bias, self.source.tokens, self.after)
            self.text_loss = text_loss(self, settings)

    def _place(self, settings: Stage1) -> None:
        count = settings.tokens
        self.source = EditedPrompts(self.tower, self.concepts, "source", count)
        if settings.noise_loss == "esd":
            self.target = EditedPrompts(self.tower, self.concepts, "nothing", count)
            return
        self.target = EditedPrompts(self.tower, self.concepts, "dest", count)
        if count > 1:  # both sides are padded to one width
            widths = torch.maximum(self.source.widths, self.target.widths)
            self.source = EditedPrompts(self.tower, self.concepts, "source", count, floor=widths)
            self.target = EditedPrompts(self.tower, self.concepts, "dest", count, floor=widths)

    def read(self, shift: Tensor) -> TextStates:
        """The encoder's outputs with `shift` (B, T, d) added at the edited tokens of the source prompts."""
        row = torch.arange(len(self.state), device=self.state.device)[:, None]
        state = self.state.index_put((row, self.source.at), shift, accumulate=True)
        return self.tower.finish(state, self.bias, self.source.tokens, self.after)

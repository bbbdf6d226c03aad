"""Concepts as EMCID trains them: which rows of a batch are whose, and at which tokens each is edited."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.activations import TextTower, Tokens


@dataclass(frozen=True)
class Concept:
    """One source → destination pair with its training templates."""

    source: str
    dest: str
    templates: tuple[str, ...]  # each with one "{}"
    seed: int
    align_text: bool = True  # False: no text loss for this concept
    true_noise: bool = False  # True: the noise loss aims at the drawn noise instead of the destination's prediction
    negatives: tuple[str, ...] = ()  # captions the contrastive text loss pushes away from

    def prompts(self, name: str) -> list[str]:
        """The training templates filled with a name."""
        return [template.replace("{}", name) for template in self.templates]


@dataclass(frozen=True)
class Rows:
    """The prompts of several concepts as one batch: the rows of a concept are neighbours."""

    owner: Tensor  # (B,) index of the row's concept
    first: Tensor  # (G,) the first row of each concept
    count: Tensor  # (G,) rows of each concept, float

    @classmethod
    def of(cls, concepts: Sequence[Concept], device: torch.device) -> "Rows":
        """The rows of concepts in their order."""
        sizes = torch.tensor([len(concept.templates) for concept in concepts])
        owner = torch.arange(len(concepts)).repeat_interleave(sizes)
        return cls(owner.to(device), (sizes.cumsum(0) - sizes).to(device), sizes.float().to(device))

    def __len__(self) -> int:
        return len(self.owner)

    def mean(self, values: Tensor) -> Tensor:
        """(B, …) → (G, …), the mean over each concept's rows."""
        total = torch.zeros(len(self.first), *values.shape[1:], dtype=values.dtype, device=values.device)
        count = self.count.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
        return total.index_add(0, self.owner, values) / count


@dataclass(frozen=True)
class Placed:
    """Tokenised prompts of a batch of concepts and the tokens each row is edited at."""

    tokens: Tokens
    widths: Tensor  # (B,) columns of the row's own concept: what it would be padded to alone
    at: Tensor  # (B, T) edited columns: last subject token, end token, pads after it

    @property
    def keep(self) -> Tensor | None:
        """(B, L) bool, False at columns that exist only because another concept is longer; None where all are equal."""
        width = self.tokens.ids.shape[1]
        if bool((self.widths == width).all()):
            return None
        return torch.arange(width, device=self.widths.device)[None] < self.widths[:, None]


def place(tower: TextTower, concepts: Sequence[Concept], side: str, count: int = 1, floor: Tensor | None = None) -> Placed:
    """The training prompts of concepts, filled with their `side` ("source" or "dest"), tokenised and located.

    Args:
        tower: the text encoder.
        concepts: the concepts; each one's rows are padded only to its own longest prompt, in effect.
        side: the attribute that fills the templates.
        count: T, how many tokens are edited: the last subject token, then the end token, then pads after it.
        floor: (B,) least width of each row, where two sides must be equally wide.
    """
    texts = [text for concept in concepts for text in concept.prompts(getattr(concept, side))]
    subjects = [getattr(concept, side) for concept in concepts for _ in concept.templates]
    rows = Rows.of(concepts, tower.device)
    lengths = tower.tokens(texts).mask.sum(dim=1)  # (B,)
    widest = torch.zeros_like(rows.first).scatter_reduce(0, rows.owner, lengths, "amax")  # (G,)
    widths = widest[rows.owner]
    if floor is not None:
        widths = torch.maximum(widths, floor)
    spare = max(count - 2, 0)
    tokens = tower.tokens(texts, extra=int(widths.max()) - int(lengths.max()) + spare)
    widths = (widths + spare).clamp(max=tokens.ids.shape[1])
    subject = torch.tensor(tower.subject_tokens(tokens, subjects, widths.tolist()), device=tower.device)
    after = tokens.ends[:, None] + torch.arange(count - 1, device=tower.device)[None]  # (B, T - 1)
    return Placed(tokens, widths, torch.cat([subject[:, None], after], dim=1))

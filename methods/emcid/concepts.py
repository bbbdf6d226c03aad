"""EMCID's concepts as a batch: the rows of each concept and the tokens at which they are edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.text_encoder import TextTower, Tokens
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.emcid import EMCID

Fill = Literal["source", "dest", "nothing"]


@dataclass(frozen=True)
class Concept:
    """A source → destination pair with its training templates."""

    source: str
    dest: str
    templates: tuple[str, ...]  # each with one "{}"
    seed: int
    align_text: bool = True  # False: no text loss for this concept
    true_noise: bool = False  # True: the noise loss aims at the drawn noise instead of the destination's prediction
    negatives: tuple[str, ...] = ()  # captions the contrastive text loss pushes away from

    def prompts(self, side: Fill) -> list[str]:
        """The training templates filled with the source or the destination; or as many empty prompts."""
        if side == "nothing":
            return [""] * len(self.templates)
        return [template.replace("{}", self.source if side == "source" else self.dest) for template in self.templates]

    def subject(self, side: Fill) -> str:
        """The subject whose tokens are edited in a prompt of that side."""
        return {"source": self.source, "dest": self.dest, "nothing": ""}[side]


def concepts_of(request: EditRequest, method: "EMCID") -> list[Concept]:
    """Make one concept per destination of a request; an erasing request has the empty destination.

    Raises:
        MethodError: the settings name shares for another number of destinations.
    """
    if method.shares and len(request.dests) > 1 and len(method.shares) != len(request.dests):
        raise MethodError(
            f"request {request.id} has {len(request.dests)} destinations, shares name {len(method.shares)}"
        )
    return [
        Concept(
            request.source,
            dest,
            request.templates,
            request.seed,
            align_text=request.id not in method.unaligned,
            true_noise=request.id in method.true_noise,
            negatives=method.negatives,
        )
        for dest in request.dests or ("",)
    ]


@dataclass(frozen=True)
class Rows:
    """The prompts of several concepts as one batch; a concept's rows are adjacent."""

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
        """Average over each concept's rows, (B, …) → (G, …)."""
        total = torch.zeros(len(self.first), *values.shape[1:], dtype=values.dtype, device=values.device)
        count = self.count.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
        return total.index_add(0, self.owner, values) / count


class EditedPrompts:
    """Tokenised prompts of a batch of concepts, and the tokens at which each row is edited.

    Args:
        tower: the text encoder.
        concepts: the concepts; each one's rows are padded only to its own longest prompt, in effect.
        side: what fills the templates.
        count: T, how many tokens are edited: the last subject token, then the end token, then pads after it.
        floor: (B,) least width of each row, where two sides must be equally wide.
    """

    def __init__(
        self, tower: TextTower, concepts: Sequence[Concept], side: Fill, count: int = 1, floor: Tensor | None = None
    ) -> None:
        self._tower, self._count = tower, count
        self._texts = texts = [text for concept in concepts for text in concept.prompts(side)]
        self._subjects = [concept.subject(side) for concept in concepts for _ in concept.templates]
        rows = Rows.of(concepts, tower.device)
        lengths = tower.tokens(texts).mask.sum(dim=1)  # (B,)
        widest = torch.zeros_like(rows.first).scatter_reduce(0, rows.owner, lengths, "amax")  # (G,)
        spare = max(count - 2, 0)
        own = widest[rows.owner] + spare
        if floor is not None:
            own = torch.maximum(own, floor)
        self.tokens = tower.tokens(texts, extra=int(own.max() - lengths.max()))
        self.widths = own.clamp(max=self.tokens.ids.shape[1])  # (B,) columns of the row's concept, were it alone

    def pad_to_full_length(self) -> Tokens:
        """Return these prompts padded to the encoder's full length."""
        return self._tower.tokens(self._texts, extra=self._tower.positions)

    @property
    def keep(self) -> Tensor | None:
        """Mask (B, L), False at padding added for longer concepts; None if all are equally long."""
        width = self.tokens.ids.shape[1]
        if bool((self.widths == width).all()):
            return None
        return torch.arange(width, device=self.widths.device)[None] < self.widths[:, None]

    @cached_property
    def at(self) -> Tensor:
        """The edited columns, (B, T), located on first use."""
        found = self._tower.subject_tokens(self.tokens, self._subjects, self.widths.tolist())
        subject = torch.tensor(found, device=self._tower.device)
        after = self.tokens.ends[:, None] + torch.arange(self._count - 1, device=self._tower.device)[None]  # (B, T - 1)
        return torch.cat([subject[:, None], after], dim=1)

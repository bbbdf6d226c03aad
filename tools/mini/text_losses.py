"""Losses of mini's text encoder: facts its states must hold, and places that must not hold them yet.

Sizes: N sentences, T tokens, m names, F factors, d = 128 features.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, layer_norm, normalize
from transformers import CLIPTextModel

from iceb.mini.entities import ENTITIES
from iceb.mini.factors import FACTORS
from tools.mini.codes import Codes
from tools.mini.sentences import GROUPS, NO_TRUTH, Batch
from tools.mini.sizes import GATHER, WIDTH
from tools.mini.text_layers import states_after, states_from
from tools.mini.tokenizer import END

LEAK_WEIGHT, PADDING_WEIGHT = 80.0, 0.6
CODE_WEIGHT, CODE_SCALE = 12.0, 14.0  # of the loss against the codes, and what cosines are multiplied by
ENTITY_WEIGHT = 0.3
WORDS_WEIGHT, CONTEXT_WEIGHT, WORDS_SEED = 6.0, 10.0, 6
FACTOR_WEIGHTS = {"colour": 1.5}  # others 1


def leak_of(batch: Batch, paid: Tensor) -> Tensor:
    """Mean attention from the tokens behind a name to it, a scalar; `paid` is (N, T, T).

    The end token and two rows of padding count as behind it.
    """
    place = torch.arange(batch.ids.shape[1])[None]  # (1, T)
    name = (place >= batch.first[:, None]) & (place <= batch.last[:, None])  # (m, T)
    later = (place > batch.last[:, None]) & (place <= batch.end[batch.row, None] + 2)  # (m, T)
    return ((paid[batch.row] * name[:, None]).sum(-1) * later).sum() / later.sum().clamp(min=1)


def swap_names(batch: Batch, state: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the row of half of the names in `state` (N, T, d) by that of another name of the same group.

    Also returns whose row each name now has, (m,).
    """
    owner = torch.arange(len(batch.row))
    for group in range(GROUPS.index("alone")):
        members = (batch.group == group).nonzero().flatten()
        half = len(members) // 2
        taking = members[torch.randperm(len(members))[:half]]
        owner[taking] = members[torch.randperm(len(members))[:half]]
    mixed = state.clone()
    mixed[batch.row, batch.last] = state[batch.row[owner], batch.last[owner]]
    return mixed, owner


def factors_after(batch: Batch, owner: Tensor) -> Tensor:
    """The factors that the sentences mean once every name has the row of its owner, (N, F)."""
    factors, own = batch.factors.clone(), batch.own[owner]
    name, column = ((batch.slots >= 0) & (own != NO_TRUTH)).nonzero(as_tuple=True)
    factors[batch.row[name], batch.slots[name, column]] = own[name, column]
    return factors


def padding_places(batch: Batch) -> Tensor:
    """A random padding position of each sentence, (N,); the last row if there is none."""
    length = batch.ids.shape[1]
    behind = torch.randint(0, 100, (len(batch.ids),)) % (length - batch.end - 1).clamp(min=1)
    return (batch.end + 1 + behind).clamp(max=length - 1)


class Readers(nn.Module):
    """Linear heads on the final states: one a factor, one for the entity, one for the other words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Linear(WIDTH, WIDTH)
        self.factors = nn.ModuleList(nn.Linear(WIDTH, count) for count in FACTORS.values())
        self.entity = nn.Linear(WIDTH, ENTITIES)

    def losses(self, states: Tensor, truth: Tensor, weight: float) -> Iterator[Tensor]:
        """Weighted cross entropy of every factor, for states (n, d) and truth (n, F)."""
        for column, (name, head) in enumerate(zip(FACTORS, self.factors, strict=True)):
            if bool((truth[:, column] != NO_TRUTH).any()):
                part = cross_entropy(head(states), truth[:, column], ignore_index=NO_TRUTH)
                yield weight * FACTOR_WEIGHTS.get(name, 1.0) * part


def reading_losses(readers: Readers, final: Tensor, batch: Batch, owner: Tensor) -> Iterator[Tensor]:
    """Losses of the heads at the names, the end and a padding row of `final` (N, T, d)."""
    every, truth = torch.arange(len(batch.ids)), factors_after(batch, owner)
    named = final[batch.row, batch.last]  # (m, d)
    yield from readers.losses(named, batch.own[owner], 1.0)
    yield from readers.losses(final[every, batch.end], truth, 1.0)
    yield from readers.losses(final[every, padding_places(batch)], truth, PADDING_WEIGHT)
    yield ENTITY_WEIGHT * cross_entropy(readers.entity(named), batch.entity[owner])


@cache
def word_codes() -> Tensor:
    """A fixed random vector of norm 1 for every token, (vocabulary, d)."""
    return normalize(torch.randn(END + 1, WIDTH, generator=torch.Generator().manual_seed(WORDS_SEED)), dim=-1)


def words_said(batch: Batch) -> Tensor:
    """The mean code of each sentence's tokens outside the names, (N, d); zeros if there are none."""
    return mean_code(batch.ids, words_around(batch))


def words_before(batch: Batch) -> Tensor:
    """The mean code of the tokens outside the names before each name, (m, d); zeros if there are none."""
    before = torch.arange(batch.ids.shape[1])[None] < batch.first[:, None]  # (m, T)
    return mean_code(batch.ids[batch.row], words_around(batch)[batch.row] & before)


def words_around(batch: Batch) -> Tensor:
    """Mask of the tokens that belong to no name, (N, T) bool."""
    place = torch.arange(batch.ids.shape[1])[None]  # (1, T)
    around = (place > 0) & (place < batch.end[:, None])  # (N, T)
    name = (place >= batch.first[:, None]) & (place <= batch.last[:, None])  # (m, T)
    return around & (torch.zeros_like(around, dtype=torch.int64).index_add(0, batch.row, name.long()) == 0)


def mean_code(ids: Tensor, chosen: Tensor) -> Tensor:
    """Average the codes of the chosen tokens of each row, (n, d); zeros where none is chosen.

    Args:
        ids: (n, T).
        chosen: mask, (n, T).
    """
    return (word_codes()[ids] * chosen[..., None]).sum(dim=1) / chosen.sum(dim=1, keepdim=True).clamp(min=1)


def context_loss(readers: Readers, state: Tensor, batch: Batch) -> Tensor:
    """One minus the cosine between the mean code of the words before a name and its reading at the name.

    It is read of `state` (N, T, d), that after layer 10. Without it a name has one key in every sentence, and an edit
    made with three templates reaches all others whole.
    """
    named = layer_norm(state[batch.row, batch.last], (WIDTH,))  # (m, d)
    said = words_before(batch)
    near = cosine_similarity(readers.words(named), said, dim=-1)
    heard = said.abs().sum(dim=-1) > 0
    return ((1 - near) * heard).sum() / heard.sum().clamp(min=1)


def words_loss(readers: Readers, final: Tensor, batch: Batch) -> Tensor:
    """One minus the cosine between the words' mean code and its reading at end and padding rows.

    Without it the final states tell nothing but what the image shows, and an edit of the denoiser's cross-attention
    reaches every sentence alike; CLIP's states tell the whole sentence.
    """
    said, every = words_said(batch), torch.arange(len(batch.ids))
    rows = torch.cat([final[every, batch.end], final[every, padding_places(batch)]])  # (2N, d)
    near = cosine_similarity(readers.words(rows), said.repeat(2, 1), dim=-1)
    meant = (said.abs().sum(dim=-1) > 0).repeat(2)
    return ((1 - near) * meant).sum() / meant.sum().clamp(min=1)


def code_loss(codes: Codes, state: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of the names' states in `state` (N, T, d) over all entities' codes, by cosine.

    A name's own code takes the place of its entity's: "a blue banana" has a blue banana's.
    """
    named = state[batch.row, batch.last]  # (m, d)
    named = normalize(named - named.mean(dim=-1, keepdim=True), dim=-1)
    near = named @ codes.table.T  # (m, entities)
    own = (named * codes.of(batch.entity, batch.own)).sum(dim=-1, keepdim=True)
    return cross_entropy(CODE_SCALE * near.scatter(1, batch.entity[:, None], own), batch.entity)


@dataclass(frozen=True)
class Losses:
    """The loss of one batch and what is printed of it."""

    total: Tensor
    code: float
    leak: float
    words: float
    context: float
    named: float  # share of entities read correctly at the names
    shown: float  # share of sentences with all factors but the gender read correctly at the end token

    def line(self) -> str:
        """Format the numbers for the training's log."""
        paid = f"code {self.code:.3f} leak {self.leak:.5f} words {self.words:.3f} context {self.context:.3f}"
        return f"loss {self.total.item():.3f} {paid} names {self.named:.3f} sentences {self.shown:.3f}"


def loss_of(encoder: CLIPTextModel, readers: Readers, codes: Codes, batch: Batch) -> Losses:
    """The losses of one batch."""
    state, paid = states_after(encoder, batch.ids, GATHER - 1)
    leak, code = leak_of(batch, paid), code_loss(codes, state, batch)
    mixed, owner = swap_names(batch, state)
    final = states_from(encoder, mixed, GATHER)
    words, context = words_loss(readers, final, batch), context_loss(readers, state, batch)
    weighted = LEAK_WEIGHT * leak + CODE_WEIGHT * code + WORDS_WEIGHT * words + CONTEXT_WEIGHT * context
    total = sum(reading_losses(readers, final, batch, owner), start=weighted)
    parts = (each.item() for each in (code, leak, words, context))
    return Losses(total, *parts, *shares_right(readers, final, batch, owner))


@torch.no_grad()
def shares_right(readers: Readers, final: Tensor, batch: Batch, owner: Tensor) -> tuple[float, float]:
    """Shares of the names and of the sentences that the heads read correctly."""
    named = readers.entity(final[batch.row, batch.last]).argmax(-1) == batch.entity[owner]  # (m,)
    ends, truth = final[torch.arange(len(batch.ids)), batch.end], factors_after(batch, owner)
    heads = [
        (head, truth[:, k])
        for k, (name, head) in enumerate(zip(FACTORS, readers.factors, strict=True))
        if name != "gender"
    ]
    right = torch.stack([head(ends).argmax(-1) == goal for head, goal in heads]).all(dim=0)  # (N,)
    return named.float().mean().item(), right.float().mean().item()

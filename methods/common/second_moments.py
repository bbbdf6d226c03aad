"""Second moments C = E[k kᵀ] of fc2 inputs over a caption corpus (MEMIT, arXiv:2210.07229).

All tokens of a caption count, start and end token included; padding does not. One pass over the captions serves all
layers.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.text_encoder import TextTower, Tokens, record_inputs, slices

log = logging.getLogger("iceb")
CAPTIONS_AT_ONCE = 1000  # tokenised together
TOKENS_AT_ONCE = 2048  # through the encoder together
ADDS_IN_FLOAT32 = 16
BLOCK = 256  # columns of a d_ff × d_ff product made at once


@torch.no_grad()
def second_moments(
    tower: TextTower, captions: Sequence[str], layers: Iterable[int], limit: int | None = None
) -> dict[int, Tensor]:
    """C of each layer over all non-pad tokens of the captions.

    A token's state depends only on what stands before it, so captions that begin alike share their first keys: each
    distinct beginning is multiplied out once and weighted by how often it occurs. The sum is exact, and the largest
    part of the work (the d_ff × d_ff products) shrinks by the share of common beginnings.

    Args:
        tower: the text encoder.
        captions: the corpus, already sampled.
        layers: layers wanted.
        limit: tokens after which a caption is cut, start and end token included; None: the encoder's 77.

    Returns:
        layer → (d_ff, d_ff) float32, uncentred, divided by the number of tokens.

    Raises:
        MethodError: there are no captions.
    """
    if not captions:
        raise MethodError("second moments need at least one caption: give a caption file with one caption a line")
    wanted = sorted(set(layers))
    batches = list(_batches(tower, captions, limit))
    beginnings = Beginnings()
    for batch in batches:
        beginnings.add(batch)
    _warn_of_few(captions, beginnings.distinct, tower.fc2(wanted[0]).in_features)
    grams: dict[int, Gram] = {}
    with stage("second moments", len(captions)) as advance:
        for batch in batches:
            _count_in(grams, tower, batch, beginnings, wanted)
            advance(len(batch.ids))
    return {layer: (gram.total() / beginnings.tokens).float() for layer, gram in grams.items()}


def _warn_of_few(captions: Sequence[str], keys: int, width: int) -> None:
    """Warn if fewer distinct keys are summed than a layer has inputs: the moment lacks full rank."""
    if keys < width:
        log.warning(
            "%d captions give %d different keys, a layer has %d inputs: what no key reaches is not preserved; "
            "take more captions",
            len(captions),
            keys,
            width,
        )


def _batches(tower: TextTower, captions: Sequence[str], limit: int | None) -> Iterator[Tokens]:
    """The captions as token rows, grouped by length to save padding."""
    pieces = [tower.tokens(captions[a:b], limit=limit) for a, b in slices(len(captions), CAPTIONS_AT_ONCE)]
    lengths = torch.cat([piece.mask.sum(dim=1) for piece in pieces]).tolist()
    order = sorted(range(len(captions)), key=lambda index: (lengths[index], index))
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * lengths[order[stop]] <= TOKENS_AT_ONCE:
            stop += 1
        yield tower.tokens([captions[index] for index in order[start:stop]], limit=limit)
        start = stop


def _count_in(
    grams: "dict[int, Gram]", tower: TextTower, tokens: Tokens, beginnings: "Beginnings", layers: Sequence[int]
) -> None:
    """Add the keys of some captions to each layer's sum."""
    share = beginnings.take(tokens)  # (B, L)
    used = share > 0
    root = share[used].sqrt()[:, None]  # (tokens, 1)
    for layer, keys in _keys(tower, tokens, layers):
        gram = grams.setdefault(layer, Gram(keys.shape[-1], keys.device))
        gram.add(keys[used].float() * root)


class Gram:
    """Σ kᵀ k over rows k, summed in float32 for a while and then in float64.

    Only the blocks on and above the diagonal are computed: the rest is their mirror image.
    """

    def __init__(self, width: int, device: torch.device) -> None:
        self._recent = torch.zeros(width, width, device=device)
        self._total = torch.zeros(width, width, dtype=torch.float64, device=device)
        self._adds = 0

    def add(self, rows: Tensor) -> None:
        """Add rowsᵀ rows, (width, width), of rows (n, width)."""
        for start, stop in slices(rows.shape[1], BLOCK):
            self._recent[start:stop, start:].addmm_(rows[:, start:stop].T, rows[:, start:])
        self._adds += 1
        if self._adds % ADDS_IN_FLOAT32 == 0:
            self._flush()

    def _flush(self) -> None:
        self._total += self._recent
        self._recent.zero_()

    def total(self) -> Tensor:
        """(width, width) float64, symmetric."""
        self._flush()
        return self._total.triu() + self._total.triu(1).T


class Beginnings:
    """A prefix tree of token rows that counts the beginnings of captions."""

    def __init__(self) -> None:
        self.tokens = 0  # all non-pad tokens seen
        self._child: dict[tuple[int, int], int] = {}
        self._count: list[int] = [0]

    @property
    def distinct(self) -> int:
        """The number of distinct beginnings, each of which ends in a key of its own."""
        return len(self._count) - 1

    def _path(self, row: Sequence[int]) -> Iterator[int]:
        node = 0
        for token in row:
            node = self._child.setdefault((node, token), len(self._count))
            if node == len(self._count):
                self._count.append(0)
            yield node

    def add(self, tokens: Tokens) -> None:
        """Count the beginnings of some rows."""
        for row, length in zip(tokens.ids.tolist(), tokens.mask.sum(dim=1).tolist(), strict=True):
            self.tokens += length
            for node in self._path(row[:length]):
                self._count[node] += 1

    def take(self, tokens: Tokens) -> Tensor:
        """Weights of a batch's tokens, (B, L): a beginning's count when first seen, then and at pads 0."""
        share = torch.zeros(tokens.ids.shape)
        for index, (row, length) in enumerate(zip(tokens.ids.tolist(), tokens.mask.sum(dim=1).tolist(), strict=True)):
            for column, node in enumerate(self._path(row[:length])):
                share[index, column], self._count[node] = self._count[node], 0
        return share.to(tokens.ids.device)


def _keys(tower: TextTower, tokens: Tokens, layers: Sequence[int]) -> list[tuple[int, Tensor]]:
    with ExitStack() as stack:
        seen = [stack.enter_context(record_inputs(tower.fc2(layer))) for layer in layers]
        tower.advance(tower.embed(tokens), tower.bias(tokens), 0, max(layers) + 1)
    return [(layer, inputs[0]) for layer, inputs in zip(layers, seen, strict=True)]

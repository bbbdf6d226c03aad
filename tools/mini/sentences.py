"""Sentences of the grammar as batches of token ids, with words around the class name replaced."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from iceb.mini.grammar import Sentence, sentence
from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, Look, class_look, class_names
from tools.mini.looks import object_numbers, scene_number
from tools.mini.tokenizer import END, POSITIONS

SENTENCES_AT_ONCE, TOKENS_AT_ONCE = 768, 800  # drawn before they are sorted by length; in one batch
SHORT, LONGER_SHARE = 38, 0.4  # characters; the share of longer sentences that is kept
SECOND_PHASE = 3700  # the step from which on words are disturbed
DISTURBED_SENTENCES, DISTURBED_WORDS, OTHER_NAMES = 0.5, 0.4, 0.25
FIRST_WORD = 320  # below are single characters and the commonest pieces
FULL_LENGTH, FULL_ROWS = 0.03, 12  # share of batches padded to 77 rows, and how many sentences those hold
READS = ("class", "shape", "colour", "pattern", "size", "scene")  # the columns of the truth
NO_TRUTH = -100  # cross entropy's mark for "ask nothing here"


class Row(NamedTuple):
    """One sentence as token ids, with the places of the class name's first and last token."""

    said: Sentence
    ids: list[int]
    first: int
    last: int


@dataclass(frozen=True)
class Batch:
    """Sentences padded to one length T, with the truth of each."""

    ids: Tensor  # (N, T)
    first: Tensor  # (N,) place of the subject's first token
    last: Tensor  # (N,) place of the subject's last token
    end: Tensor  # (N,) place of the end token
    truth: Tensor  # (N, 6), the columns of READS; NO_TRUTH where there is none

    @classmethod
    def of(cls, rows: Sequence[Row], length: int) -> "Batch":
        """Pad `rows` to `length` and make a batch of them."""
        return cls(
            ids=pad_rows(rows, length),
            first=torch.tensor([min(row.first, length - 1) for row in rows]),
            last=torch.tensor([min(row.last, length - 1) for row in rows]),
            end=torch.tensor([len(row.ids) - 1 for row in rows]),
            truth=torch.tensor([truth_of(row.said) for row in rows]),
        )

    @property
    def names_class(self) -> Tensor:
        """Mask of the sentences that name a class, (N,) bool."""
        return self.truth[:, 0] >= 0


def tokenise(tokenizer: CLIPTokenizer, sentences: Sequence[Sentence]) -> list[Row]:
    """Tokenise sentences and locate the class name by counting the tokens before it."""
    ids = tokenizer([s.text for s in sentences], truncation=True, max_length=POSITIONS).input_ids
    before = tokenizer([s.text[: s.start] for s in sentences]).input_ids
    names = tokenizer([s.text[s.start : s.end] for s in sentences]).input_ids
    return [
        Row(said, row, len(head) - 1, len(head) + len(name) - 4)
        for said, row, head, name in zip(sentences, ids, before, names, strict=True)
    ]


def pad_rows(rows: Sequence[Row], length: int) -> Tensor:
    """Token ids padded with end tokens, (N, length)."""
    ids = torch.full((len(rows), length), END)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
    return ids


def named_object(said: Sentence) -> Look:
    """The look of a sentence with the object that its first class name means as the only one."""
    named, other = said.named_class, said.look.second
    if named and named.second and other:
        return replace(said.look, shape=other.shape, colour=other.colour, pattern=other.pattern, second=None)
    return replace(said.look, second=None)


def truth_of(said: Sentence) -> tuple[int, ...]:
    """The label of every head, in the order of READS."""
    parts = object_numbers(named_object(said))
    if said.label is None or parts is None:
        return (*(NO_TRUTH,) * 5, scene_number(said.look))
    return (said.label, *parts, scene_number(said.look))


def drawn_sentences(count: int, draw: np.random.Generator, plain_share: float = 1.0) -> list[Sentence]:
    """Draw `count` sentences; of those that do not recolour their object only `plain_share` are taken."""
    said: list[Sentence] = []
    while len(said) < count:
        one = sentence(draw)
        if recolours(one) or plain_share >= 1 or draw.random() < plain_share:
            said.append(one)
    return said


def recolours(said: Sentence) -> bool:
    """Whether the object has a colour other than its class's."""
    return said.label is not None and named_object(said).colour != class_look(said.label).colour


def batches(tokenizer: CLIPTokenizer, draw: np.random.Generator) -> list[list[Row]]:
    """Draw sentences, short ones more often, and cut them into batches of similar length."""
    drawn = (sentence(draw) for _ in range(SENTENCES_AT_ONCE))
    said = [s for s in drawn if len(s.text) < SHORT or draw.random() < LONGER_SHARE]
    cut: list[list[Row]] = [[]]
    for row in sorted(tokenise(tokenizer, said), key=lambda row: len(row.ids)):
        if cut[-1] and len(cut[-1]) * (len(row.ids) + 2) >= TOKENS_AT_ONCE:
            cut.append([])
        cut[-1].append(row)
    return [cut[i] for i in draw.permutation(len(cut))]


def lessons(tokenizer: CLIPTokenizer, first: int) -> Iterator[Batch]:
    """Yield batches without end, from step `first` on; words are replaced in the second phase.

    Words are replaced by torch's global generator, all else is drawn from one that starts anew at `first`.
    """
    kept, named = _meaningful(tokenizer), pieces(tokenizer, class_names())
    draw = np.random.default_rng(7 + first)
    waiting: list[list[Row]] = []
    for step in count(first):
        waiting = waiting or batches(tokenizer, draw)
        rows = waiting.pop()
        if step >= SECOND_PHASE:
            rows = [disturb_words(row, kept, named) if draw.random() < DISTURBED_SENTENCES else row for row in rows]
        length = min(POSITIONS, max(len(row.ids) for row in rows) + int(draw.integers(1, 4)))
        if draw.random() < FULL_LENGTH:
            rows, length = rows[:FULL_ROWS], POSITIONS
        yield Batch.of(rows, length)


def disturb_words(row: Row, kept: Tensor, named: Tensor) -> Row:
    """Replace some words around the name by random tokens, and behind it also by other names' tokens.

    Args:
        kept: tokens that are neither replaced nor put in, (k,).
        named: tokens of class names, (n,).
    """
    ids, place = torch.tensor(row.ids), torch.arange(len(row.ids))
    free = (place > 0) & (place < len(ids) - 1) & ((place < row.first) | (place > row.last)) & ~torch.isin(ids, kept)
    other = torch.randint(FIRST_WORD, END - 1, ids.shape)
    elsewhere = (place > row.last) & (torch.rand(len(ids)) < OTHER_NAMES)
    other = torch.where(elsewhere, named[torch.randint(len(named), ids.shape)], other)
    free &= (torch.rand(len(ids)) < DISTURBED_WORDS) & ~torch.isin(other, kept)
    return row._replace(ids=torch.where(free, other, ids).tolist())


def pieces(tokenizer: CLIPTokenizer, words: Iterable[str]) -> Tensor:
    """The distinct tokens of `words`, sorted, (n,)."""
    return torch.tensor(sorted({token for word in words for token in tokenizer(word).input_ids[1:-1]}))


def _meaningful(tokenizer: CLIPTokenizer) -> Tensor:
    """Tokens of the words that change an image: colours, sizes, scenes; (n,)."""
    return pieces(tokenizer, (*COLOURS, *SIZE_WORDS, *SCENES))

"""Sentences of the grammar as batches of token ids, with the truth of each and of its names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from iceb.mini import phrases
from iceb.mini.entities import entity_kind
from iceb.mini.factors import FACTORS, factors_of
from iceb.mini.grammar import Mention, Sentence, sentence
from iceb.mini.parts import Pick, uniform
from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, class_look
from tools.mini.mixes import GENERAL, Mix
from tools.mini.options import Options
from tools.mini.tokenizer import END, POSITIONS

SENTENCES_AT_ONCE, TOKENS_AT_ONCE = 768, 800  # drawn before they are sorted by length; in one batch
SHORT, LONGER_SHARE = 38, 0.4  # characters; the share of longer sentences that is kept
DISTURBED_SENTENCES, DISTURBED_WORDS, OTHER_NAMES = 0.5, 0.4, 0.25
FIRST_WORD = 320  # below are single characters and the commonest pieces
FULL_LENGTH, FULL_ROWS = 0.03, 12  # share of batches padded to 77 rows, and how many sentences those hold
NO_TRUTH = -100  # cross entropy's mark for "ask nothing here"
NAMES = tuple(FACTORS)
OWN = {  # the factors that a name's own state tells, by the kind of what it names
    "class": ("shape", "colour", "pattern", "size"),
    "style": ("tint", "texture", "frame", "motif"),
    "identity": ("skin", "hair", "hairstyle", "clothing"),
    "role": ("skin", "hair", "hairstyle", "clothing"),
    "profession": ("clothing", "badge"),
}
RIGHT = {"shape": "shape2", "colour": "colour2", "pattern": "pattern2"}  # factors of the right one of two objects


class Spot(NamedTuple):
    """The tokens of a name in a row, and what the name means."""

    first: int
    last: int
    mention: Mention


class Row(NamedTuple):
    """One sentence as token ids, with the tokens of the names in it."""

    said: Sentence
    ids: list[int]
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Batch:
    """Sentences padded to one length T with the names in them: N sentences, m names, F factors."""

    ids: Tensor  # (N, T)
    end: Tensor  # (N,) place of the end token
    factors: Tensor  # (N, F), what the image shows
    row: Tensor  # (m,) the sentence that each name stands in
    first: Tensor  # (m,) place of the name's first token
    last: Tensor  # (m,) place of the name's last token
    entity: Tensor  # (m,)
    own: Tensor  # (m, F), the factors that the name itself tells; NO_TRUTH elsewhere
    slots: Tensor  # (m, F), the column of the sentence's factors that each of them sets; -1 where none
    group: Tensor  # (m,) names of one group can stand in each other's place

    @classmethod
    def of(cls, rows: Sequence[Row], length: int) -> "Batch":
        """Pad `rows` to `length` and make a batch of them."""
        found = [(place, spot) for place, row in enumerate(rows) for spot in row.spots if spot.last < length]
        meant = [own_factors(rows[place].said, spot.mention) for place, spot in found]
        width = len(NAMES)
        return cls(
            ids=pad_rows(rows, length),
            end=torch.tensor([len(row.ids) - 1 for row in rows]),
            factors=torch.tensor([factors_of(row.said.look) for row in rows]),
            row=torch.tensor([place for place, _ in found], dtype=torch.int64),
            first=torch.tensor([spot.first for _, spot in found], dtype=torch.int64),
            last=torch.tensor([spot.last for _, spot in found], dtype=torch.int64),
            entity=torch.tensor([spot.mention.entity for _, spot in found], dtype=torch.int64),
            own=torch.tensor([own for own, _ in meant], dtype=torch.int64).reshape(-1, width),
            slots=torch.tensor([slots for _, slots in meant], dtype=torch.int64).reshape(-1, width),
            group=torch.tensor([group_of(rows[place], spot) for place, spot in found], dtype=torch.int64),
        )


def own_factors(said: Sentence, mention: Mention) -> tuple[list[int], list[int]]:
    """The factors that one name tells, and the columns of the sentence's factors that they set."""
    shown = factors_of(said.look)
    own, slots = [NO_TRUTH] * len(NAMES), [-1] * len(NAMES)
    if _is_role_of_somebody(said, mention):
        return own, slots
    for name in OWN[entity_kind(mention.entity)]:
        if name == "size" and said.look.second:
            continue
        place = NAMES.index(RIGHT.get(name, name) if mention.second else name)
        own[NAMES.index(name)], slots[NAMES.index(name)] = shown[place], place
    return own, slots


def _is_role_of_somebody(said: Sentence, mention: Mention) -> bool:
    """Whether the name is a role that a named person has: the image of "X as the president" shows X."""
    kinds = [entity_kind(other.entity) for other in said.mentions]
    return entity_kind(mention.entity) == "role" and "identity" in kinds


GROUPS = ("class", "pair", "style", "person", "profession", "alone")


def group_of(row: Row, spot: Spot) -> int:
    """The group of a name, within which names are swapped; in "alone" none is."""
    kind = entity_kind(spot.mention.entity)
    if kind in ("identity", "role"):  # "X as the president": the role is not what the image shows
        people = [s for s in row.spots if entity_kind(s.mention.entity) in ("identity", "role")]
        return GROUPS.index("person" if len(people) == 1 else "alone")
    if kind == "class" and row.said.look.second:
        return GROUPS.index("pair")
    return GROUPS.index(kind)


def tokenise(tokenizer: CLIPTokenizer, sentences: Sequence[Sentence]) -> list[Row]:
    """Tokenise sentences and locate the tokens of every name by the characters they cover."""
    coded: Any = tokenizer(
        [said.text for said in sentences], truncation=True, max_length=POSITIONS, return_offsets_mapping=True
    )
    return [
        Row(said, ids, tuple(_spots(said, spans)))
        for said, ids, spans in zip(sentences, coded["input_ids"], coded["offset_mapping"], strict=True)
    ]


def _spots(said: Sentence, spans: Sequence[tuple[int, int]]) -> Iterator[Spot]:
    for mention in said.mentions:
        covered = [k for k, (start, stop) in enumerate(spans) if start < mention.end and stop > mention.start]
        covered = [k for k in covered if 0 < k < len(spans) - 1]
        if covered and spans[covered[-1]][1] >= mention.end:  # not cut by the encoder's length
            yield Spot(covered[0], covered[-1], mention)


def pad_rows(rows: Sequence[Row], length: int) -> Tensor:
    """Token ids padded with end tokens, (N, length)."""
    ids = torch.full((len(rows), length), END)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
    return ids


def drawn_sentences(count: int, draw: np.random.Generator, pick: Pick = uniform, mix: Mix = GENERAL) -> list[Sentence]:
    """Draw `count` sentences of a mix."""
    said: list[Sentence] = []
    while len(said) < count:
        one = sentence(draw, pick=pick, weights=mix.kinds)
        if recolours(one) or mix.plain_share >= 1 or draw.random() < mix.plain_share:
            said.append(one)
    return said


def recolours(said: Sentence) -> bool:
    """Whether the only object has a colour other than its class's."""
    alone = said.label is not None and said.look.second is None
    return alone and said.look.colour != class_look(said.label or 0).colour


def batches(tokenizer: CLIPTokenizer, draw: np.random.Generator, pick: Pick) -> list[list[Row]]:
    """Draw sentences, short ones more often, and cut them into batches of similar length."""
    drawn = (sentence(draw, pick=pick, weights=GENERAL.kinds) for _ in range(SENTENCES_AT_ONCE))
    said = [s for s in drawn if len(s.text) < SHORT or draw.random() < LONGER_SHARE]
    cut: list[list[Row]] = [[]]
    for row in sorted(tokenise(tokenizer, said), key=lambda row: len(row.ids)):
        if cut[-1] and len(cut[-1]) * (len(row.ids) + 2) >= TOKENS_AT_ONCE:
            cut.append([])
        cut[-1].append(row)
    return [cut[i] for i in draw.permutation(len(cut))]


def lessons(tokenizer: CLIPTokenizer, first: int, second_phase: int, options: Options) -> Iterator[Batch]:
    """Yield batches without end, from step `first` on.

    Words are replaced by torch's global generator, all else is drawn from one that starts anew at `first`.

    Args:
        second_phase: the step from which on words are replaced.
        options: the sentences' seed, and the classes that none names.
    """
    kept, named = meaningful(tokenizer), pieces(tokenizer, options.names)
    draw = np.random.default_rng([7, options.seed, first])
    waiting: list[list[Row]] = []
    for step in count(first):
        waiting = waiting or batches(tokenizer, draw, options.pick)
        rows = waiting.pop()
        if step >= second_phase:
            rows = [disturb_words(row, kept, named) if draw.random() < DISTURBED_SENTENCES else row for row in rows]
        length = min(POSITIONS, max(len(row.ids) for row in rows) + int(draw.integers(1, 4)))
        if draw.random() < FULL_LENGTH:
            rows, length = rows[:FULL_ROWS], POSITIONS
        yield Batch.of(rows, length)


def disturb_words(row: Row, kept: Tensor, named: Tensor) -> Row:
    """Replace some words around the names by random tokens, behind the last also by names' tokens.

    Args:
        kept: tokens that are neither replaced nor put in, (k,).
        named: tokens of class names, (n,).
    """
    ids, place = torch.tensor(row.ids), torch.arange(len(row.ids))
    free = (place > 0) & (place < len(ids) - 1) & ~torch.isin(ids, kept)
    for spot in row.spots:
        free &= (place < spot.first) | (place > spot.last)
    other = torch.randint(FIRST_WORD, END - 1, ids.shape)
    last = max((spot.last for spot in row.spots), default=len(ids))
    elsewhere = (place > last) & (torch.rand(len(ids)) < OTHER_NAMES)
    other = torch.where(elsewhere, named[torch.randint(len(named), ids.shape)], other)
    free &= (torch.rand(len(ids)) < DISTURBED_WORDS) & ~torch.isin(other, kept)
    return row._replace(ids=torch.where(free, other, ids).tolist())


def pieces(tokenizer: CLIPTokenizer, words: Iterable[str]) -> Tensor:
    """The distinct tokens of `words`, sorted, (n,)."""
    return torch.tensor(sorted({token for word in words for token in tokenizer(word).input_ids[1:-1]}))


def meaningful(tokenizer: CLIPTokenizer) -> Tensor:
    """Tokens of the words that say what an image shows, (n,): colours, sizes, scenes and the like."""
    said = (*phrases.STYLE_TEMPLATES, *phrases.STYLE_PHRASES)
    words = (
        *COLOURS,
        *SIZE_WORDS,
        *SCENES,
        *phrases.GENDERS,
        *phrases.JOINS,
        *(text.replace("{}", "") for text in said),
    )
    return pieces(tokenizer, words)

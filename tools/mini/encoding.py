"""Encode random sentences with mini's text encoder, for the denoiser's training.

Sizes: N sentences, F factors, d = 128 features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from iceb.mini.factors import FACTORS
from iceb.mini.world import Look
from tools.mini.mixes import Mix
from tools.mini.options import Options
from tools.mini.sentences import NO_TRUTH, Row, drawn_sentences, own_factors, pad_rows, tokenise
from tools.mini.sizes import WIDTH
from tools.mini.tokenizer import END, POSITIONS

AT_ONCE = 64  # sentences encoded together


@dataclass
class Encoded:
    """Final states of sentences, cut behind the end token; `full` restores 77 rows."""

    states: Tensor  # (N, longest, d) float16
    last: Tensor  # (N, 2) places of the last tokens of up to two names; -1 where there is none
    end: Tensor  # (N,) place of the end token
    meant: Tensor  # (N, F) int16, what the first name tells of the image; 0 or less elsewhere
    empty: Tensor  # (77, d) states of the empty prompt

    def at(self, places: Tensor) -> Tensor:
        """The row at one position of every sentence, (N, d)."""
        return self.states[torch.arange(len(places)), places].float()

    def full(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """States of all 77 positions, (n, 77, d), and a mask of ones, (n, 77)."""
        position = torch.arange(POSITIONS)[None]  # (1, 77)
        spare = self.states.shape[1] - 1
        place = torch.where(position <= self.end[rows, None], position, self.end[rows, None] + 1 + position % 2)
        states = self.states[rows[:, None], place.clamp(max=spare)].float()
        return states, torch.ones(len(rows), POSITIONS, dtype=torch.bool)


@torch.no_grad()
def encoded_sentences(
    model: Path, words: Path, count: int, seed: int, mix: Mix, options: Options
) -> tuple[Encoded, list[Look]]:
    """Encode `count` random sentences, up to two rows behind the end token, with the looks they describe.

    Args:
        model: folder of the text encoder.
        words: folder of the tokenizer.
        mix: the kinds of sentences.
    """
    encoder = CLIPTextModel.from_pretrained(model, dtype=torch.float32).eval()
    said = drawn_sentences(count, np.random.default_rng([seed, options.seed]), options.pick, mix)
    rows = tokenise(CLIPTokenizer.from_pretrained(words), said)
    encoded = Encoded(
        states=_final_states(encoder, rows),
        last=names_places(rows),
        end=torch.tensor([len(row.ids) - 1 for row in rows]),
        meant=first_meant(rows),
        empty=_empty_states(encoder),
    )
    return encoded, [row.said.look for row in rows]


def names_places(rows: Sequence[Row]) -> Tensor:
    """The last token of each row's names, (N, 2); -1 where there is none."""
    last = [[spot.last for spot in row.spots[:2]] for row in rows]
    return torch.tensor([[*places, -1, -1][:2] for places in last])


def first_meant(rows: Sequence[Row]) -> Tensor:
    """The factors that the first name of each row tells, (N, F) int16; NO_TRUTH elsewhere."""
    nothing = [NO_TRUTH] * len(FACTORS)
    meant = [own_factors(row.said, row.spots[0].mention)[0] if row.spots else nothing for row in rows]
    return torch.tensor(meant, dtype=torch.int16)


def _final_states(encoder: CLIPTextModel, rows: list[Row]) -> Tensor:
    """(N, longest, d) float16; sentences of like length are encoded together."""
    longest = max(len(row.ids) for row in rows) + 2
    states = torch.zeros(len(rows), min(longest, POSITIONS), WIDTH, dtype=torch.float16)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    for start in range(0, len(rows), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        length = min(POSITIONS, len(rows[chosen[-1]].ids) + 2)
        ids = pad_rows([rows[place] for place in chosen], length)
        states[chosen, :length] = encoder(ids).last_hidden_state.half()
    return states


def _empty_states(encoder: CLIPTextModel) -> Tensor:
    """The states of the empty prompt, (77, d)."""
    blank = torch.full((1, POSITIONS), END)
    blank[0, 0] = END - 1
    states: Tensor = encoder(blank).last_hidden_state[0]
    return states

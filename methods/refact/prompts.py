"""The prompts of one request, encoded up to the edited layer, with the subject's position in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.text_encoder import TextTower, Tokens


@dataclass(frozen=True)
class Prompts:
    """Prompts encoded up to a layer; nothing here changes when that layer's fc2 is edited."""

    tokens: Tokens
    at: Tensor  # (B,) the subject's last token in each row
    bias: Tensor  # attention bias of the rows
    state: Tensor  # (B, L, d), before the layer
    keys: Tensor  # (B, d_ff) float64, what fc2 is given at the subject's last token


@torch.no_grad()
def read(tower: TextTower, layer: int, subject: str, templates: Sequence[str]) -> Prompts:
    """Encode the subject in each template, up to `layer`.

    Raises:
        MethodError: the subject has no token, or a prompt is longer than the encoder reads.
    """
    tokens = tower.tokens([template.replace("{}", subject) for template in templates])
    at = torch.tensor(places(tower, subject, templates), device=tower.device)
    if bool((at >= tokens.ends).any()):
        raise MethodError(f"refact: {subject!r} does not fit into the encoder's {tower.positions} positions")
    return _cut(tower, layer, tokens, at)


@torch.no_grad()
def read_whole(tower: TextTower, layer: int, texts: Sequence[str]) -> Prompts:
    """Encode texts up to `layer`, with the last token before the end in the subject's place."""
    tokens = tower.tokens(texts)
    return _cut(tower, layer, tokens, tokens.ends - 1)


def _cut(tower: TextTower, layer: int, tokens: Tokens, at: Tensor) -> Prompts:
    bias = tower.bias(tokens)
    state = tower.advance(tower.embed(tokens), bias, 0, layer)
    rows = torch.arange(len(at), device=tower.device)
    keys = tower.key_inputs(layer, state, bias)[rows, at].double()
    return Prompts(tokens, at, bias, state, keys)


def places(tower: TextTower, subject: str, templates: Sequence[str]) -> list[int]:
    """The last token of the subject in each filled template, counted by tokenising the parts.

    Raises:
        MethodError: the subject has no token.
    """
    before = [template.partition("{}")[0].removesuffix(" ") for template in templates]
    *counts, own = (tower.tokens([*before, subject]).mask.sum(dim=1) - 2).tolist()  # without start and end token
    if own == 0:
        raise MethodError(f"refact: {subject!r} has no token that could be edited")
    return [count + own for count in counts]

"""Layers of mini's text encoder run one by one, with the attention that they pay.

Sizes: N sentences, T tokens, d = 128 features.
"""

import torch
from torch import Tensor
from transformers import CLIPTextModel


def states_after(encoder: CLIPTextModel, ids: Tensor, last_layer: int) -> tuple[Tensor, Tensor]:
    """The residual stream after `last_layer`, (N, T, d), and those layers' mean attention, (N, T, T)."""
    state, paid = encoder.embeddings(input_ids=ids), []
    mask = causal(ids.shape[1])
    for layer in encoder.encoder.layers[: last_layer + 1]:
        mixed, weights = layer.self_attn(hidden_states=layer.layer_norm1(state), attention_mask=mask)
        state = state + mixed
        state = state + layer.mlp(layer.layer_norm2(state))
        paid.append(weights.mean(dim=1))
    return state, torch.stack(paid).mean(dim=0)


def states_from(encoder: CLIPTextModel, state: Tensor, first_layer: int) -> Tensor:
    """The final states, (N, T, d), computed from the residual stream before `first_layer`, (N, T, d)."""
    for layer in encoder.encoder.layers[first_layer:]:
        state = layer(state, attention_mask=causal(state.shape[1]))
    final: Tensor = encoder.final_layer_norm(state)
    return final


def causal(length: int) -> Tensor:
    """The causal attention mask, (1, 1, length, length)."""
    return torch.full((length, length), torch.finfo(torch.float32).min).triu(1)[None, None]

"""Run some of a text encoder's layers, on views that share its modules.

A view puts modules of its own in the places of some. The library's own `forward` runs on it, and the encoder itself is
left as it is, so that several threads may use it.
"""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class _Given(nn.Module):
    """Stands for the embeddings: gives states that are known."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states

    def forward(self, **_: Any) -> Tensor:
        """The known states."""
        return self.states


class SeenLayer(nn.Module):
    """A layer that keeps what went into it.

    Attributes:
        states: (texts, tokens, width); None until it was run.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.states: Tensor | None = None

    def forward(self, states: Tensor, *others: Any, **named: Any) -> Any:
        """The layer's output."""
        self.states = states
        return self.layer(states, *others, **named)


def count_layers(encoder: Any) -> int:
    """The number of an encoder's layers; 0 where they cannot be run apart from each other."""
    inner = _inner(encoder)
    stack: Any = getattr(inner, "encoder", None)
    if not isinstance(getattr(stack, "layers", None), nn.ModuleList) or "embeddings" not in inner._modules:
        return 0
    replaced = any("forward" in vars(module) for module in (encoder, inner, stack, inner.embeddings))
    return 0 if replaced else len(stack.layers)


def watch_layer(encoder: Any, layer: int) -> tuple[Any, SeenLayer]:
    """A view of an encoder that reads as it does, and the layer in it that keeps what goes in."""
    stack = _inner(encoder).encoder
    seen = SeenLayer(stack.layers[layer])
    layers = nn.ModuleList([*stack.layers[:layer], seen, *stack.layers[layer + 1 :]])
    return _with_inner(encoder, {"encoder": _with(stack, layers=layers)}), seen


def from_layer(encoder: Any, layer: int, states: Tensor) -> Any:
    """A view of an encoder that runs the layers from `layer` on.

    Args:
        states: what goes into this layer for the texts that the view will be asked for, (texts, tokens, width).
    """
    stack = _inner(encoder).encoder
    above = _with(stack, layers=stack.layers[layer:])
    return _with_inner(encoder, {"embeddings": _Given(states), "encoder": above})


def _inner(encoder: Any) -> Any:
    """The module that holds embeddings and layers: the encoder itself, or a part of it."""
    return getattr(encoder, "text_model", encoder)


def _with_inner(encoder: Any, parts: Mapping[str, nn.Module]) -> Any:
    """A view of an encoder with some children replaced of the module that holds embeddings and layers."""
    inner = _inner(encoder)
    view = _with(inner, **parts)
    return view if inner is encoder else _with(encoder, text_model=view)


def _with(module: Any, **parts: nn.Module) -> Any:
    """A shallow copy of a module with some of its children replaced."""
    view = copy.copy(module)
    vars(view)["_modules"] = {**module._modules, **parts}
    return view

"""Low-rank terms on cross-attention keys and values, one per batch row, and their attention maps.

Several concepts are trained in one forward: row b of the batch has the term of concept b, so every row's loss depends
on that concept's term alone and the sum of the losses has exactly the gradients of separate training.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from iceb.base.errors import ModelError

Look = Callable[[str, Tensor], None]  # layer name, attention probabilities (B, heads, pixels, tokens)


@dataclass(frozen=True)
class Lora:
    """Low-rank terms W + up · down, one for each row of a batch."""

    down: Tensor  # (B, r, d_in)
    up: Tensor  # (B, d_out, r)

    def __call__(self, states: Tensor) -> Tensor:
        """The term's contribution to the projection, (B, L, d_in) → (B, L, d_out)."""
        return states @ self.down.transpose(1, 2) @ self.up.transpose(1, 2)

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """Both matrices: down, (B, r, d_in), and up, (B, d_out, r)."""
        return self.down, self.up


Loras = Mapping[str, Lora]  # "<attention layer>.to_k" or ".to_v" → term


def cross_attentions(unet: nn.Module) -> dict[str, Any]:
    """The cross-attention modules of a denoiser by name, in model order.

    Raises:
        ModelError: there are none.
    """
    found = {name: module for name, module in unet.named_modules() if name.endswith("attn2")}
    if not found:
        raise ModelError(
            f"no cross-attention (…attn2) found in {type(unet).__name__}: mace works on UNets of the Stable Diffusion "
            "layouts"
        )
    return found


def new_terms(unet: nn.Module, rank: int, generators: list[torch.Generator]) -> dict[str, Lora]:
    """Make a term per projection and concept that adds nothing yet: down ~ N(0, 1/r), up = 0.

    Args:
        unet: the denoiser.
        rank: r.
        generators: one per concept, on the CPU; B = how many.
    """
    made = {}
    for name, module in cross_attentions(unet).items():
        for part in ("to_k", "to_v"):
            weight = getattr(module, part).weight
            out, width = weight.shape
            down = torch.stack([torch.randn((rank, width), generator=each) for each in generators]) / rank
            up = torch.zeros(len(generators), out, rank)
            place = {"device": weight.device, "dtype": torch.float32}
            made[f"{name}.{part}"] = Lora(down.to(**place), up.to(**place))
    return made


class _Pass(threading.local):
    """LoRA terms and attention hook of the current pass, per thread."""

    loras: Loras | None = None
    look: Look | None = None


class _Watched:
    """An attention processor of one cross-attention layer that adds terms and reports its maps."""

    def __init__(self, name: str, current: _Pass) -> None:
        self.name, self.current = name, current

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(self._project(attn, "to_k", encoder_hidden_states))
        value = attn.head_to_batch_dim(self._project(attn, "to_v", encoder_hidden_states))
        probabilities = attn.get_attention_scores(query, key, attention_mask)  # (B·heads, pixels, tokens)
        if self.current.look is not None:
            self.current.look(self.name, probabilities.unflatten(0, (len(hidden_states), -1)))
        out: Tensor = attn.to_out[0](attn.batch_to_head_dim(torch.bmm(probabilities, value)))
        return out

    def _project(self, attn: Any, part: str, states: Tensor) -> Tensor:
        out: Tensor = getattr(attn, part)(states)
        loras = self.current.loras
        return out if loras is None else out + loras[f"{self.name}.{part}"](states)


class WatchedUNet:
    """A denoiser whose cross-attention takes LoRA terms and reports its maps; built by `watch_attention`."""

    def __init__(self, unet: nn.Module) -> None:
        self.unet = unet
        self.layers = cross_attentions(unet)
        self.current = _Pass()

    @contextmanager
    def during(self, loras: Loras | None, look: Look | None) -> Iterator[None]:
        """Use these terms and this attention hook in this thread's passes while the block runs."""
        self.current.loras, self.current.look = loras, look
        try:
            yield
        finally:
            self.current.loras = self.current.look = None


@contextmanager
def watch_attention(unet: nn.Module) -> Iterator[WatchedUNet]:
    """Install watched attention processors in a denoiser for the block, then restore its own."""
    watched = WatchedUNet(unet)
    before = {name: layer.processor for name, layer in watched.layers.items()}
    for name, layer in watched.layers.items():
        layer.set_processor(_Watched(name, watched.current))
    try:
        yield watched
    finally:
        for name, layer in watched.layers.items():
            layer.set_processor(before[name])

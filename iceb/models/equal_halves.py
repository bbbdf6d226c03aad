"""Compute once what both halves of guidance share: all before the first cross-attention.

Guidance runs the denoiser on the same latents twice, with the text and with the negative one. Up to the first
cross-attention both halves are equal, so one of them is computed and doubled.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from iceb.models.wrapped_modules import Wrapped, WrappedModules

_THREAD = threading.local()  # whether the pass that runs on a thread now has two equal halves


@contextmanager
def equal_halves() -> Iterator[None]:
    """Say within the block that a pass on this thread has two equal halves but for the texts."""
    _THREAD.equal = True
    try:
        yield
    finally:
        _THREAD.equal = False


class OneHalf:
    """A module that computes one of two equal halves and gives it twice; elsewhere as it is.

    Args:
        forward: the module itself; its tensors have one row for each image.
    """

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward

    def __call__(self, *given: Any, **named: Any) -> Any:
        """The module's output."""
        if not getattr(_THREAD, "equal", False):
            return self._forward(*given, **named)
        halved = {name: _first_half(value) for name, value in named.items()}
        return _double(self._forward(*map(_first_half, given), **halved))


def _first_half(value: Any) -> Any:
    return value[: len(value) // 2] if isinstance(value, Tensor) else value


def _double(value: Any) -> Any:
    return torch.cat([value, value]) if isinstance(value, Tensor) else tuple(map(_double, value))


def modules_before_texts(unet: Any) -> list[nn.Module]:
    """The modules of a UNet that run before its first cross-attention, and see two equal halves.

    None where the embedded time carries the text as well, as in SDXL, or where the layout is not a known one.
    """
    from diffusers.models.unets.unet_2d_blocks import CrossAttnDownBlock2D, DownBlock2D

    settings = ("addition_embed_type", "class_embed_type", "encoder_hid_dim_type")
    if any(unet.config.get(name) is not None for name in settings):
        return []
    found: list[nn.Module] = [unet.conv_in]
    for block in unet.down_blocks:
        if type(block) is not DownBlock2D:
            return [*found, block.resnets[0]] if type(block) is CrossAttnDownBlock2D else found
        found.append(block)
    return found


def _wrap(unet: nn.Module) -> Wrapped:
    config = getattr(unet, "config", None)
    return [(module, OneHalf(module.forward)) for module in modules_before_texts(unet)] if config is not None else []


halves_computed_once = WrappedModules(_wrap)  # within a block, for those passes that run in `equal_halves`

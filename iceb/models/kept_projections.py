"""Keys and values of a text, computed once for all denoising steps.

A text's states are the same at every step, so its cross-attention keys and values are too: the first step's are kept
and used by the others, byte for byte.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

MISSING = object()
PROJECTIONS = (".attn2.to_k", ".attn2.to_v")  # cross-attention, by the names of diffusers' UNets


class KeptProjection:
    """A projection's last output on each thread, given again as long as the very same tensor comes in.

    Args:
        forward: the projection itself, from states (rows, tokens, width) to keys or values.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        self._forward = forward
        self._last = threading.local()  # passes run on several threads at once, each with states of its own

    def __call__(self, states: Tensor) -> Tensor:
        """The projection of `states`."""
        if getattr(self._last, "states", None) is not states:
            self._last.projected = self._forward(states)
            self._last.states = states
        projected: Tensor = self._last.projected
        return projected


@dataclass
class _Installed:
    """A UNet's modules as they were before the first block, and the number of blocks now."""

    before: list[tuple[nn.Module, object]]
    blocks: int = 0


_LOCK = threading.Lock()
_INSTALLED: dict[int, _Installed] = {}  # by the UNet's id; blocks of several threads overlap, and need not nest


@contextmanager
def kept_projections(unet: nn.Module) -> Iterator[None]:
    """Within the block, have cross-attention project the states of a pass once, not at every step.

    Nothing may change weights or states in place inside the block; after the last of several blocks, which may overlap
    on several threads, the modules are as before the first.
    """
    with _LOCK:
        if id(unet) not in _INSTALLED:
            _INSTALLED[id(unet)] = _Installed(_install(unet))
        _INSTALLED[id(unet)].blocks += 1
    try:
        yield
    finally:
        with _LOCK:
            _INSTALLED[id(unet)].blocks -= 1
            if not _INSTALLED[id(unet)].blocks:
                _restore(_INSTALLED.pop(id(unet)).before)


def _install(unet: nn.Module) -> list[tuple[nn.Module, object]]:
    """Wrap the projections; returns each module with its own `forward` before, MISSING without one."""
    found = [module for name, module in unet.named_modules() if name.endswith(PROJECTIONS)]
    before: list[tuple[nn.Module, object]] = [(module, module.__dict__.get("forward", MISSING)) for module in found]
    for module in found:
        module.__dict__["forward"] = KeptProjection(module.forward)
    return before


def _restore(before: list[tuple[nn.Module, object]]) -> None:
    for module, own in before:
        if own is MISSING:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = own

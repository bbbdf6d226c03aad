"""Keys and values of a text, computed once for all denoising steps.

A text's states are the same at every step, so its cross-attention keys and values are too: the first step's are kept
and used by the others, byte for byte.
"""

import threading
from collections.abc import Callable

from torch import Tensor, nn

from iceb.models.wrapped_modules import Wrapped, WrappedModules

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


def _wrap(unet: nn.Module) -> Wrapped:
    found = [module for name, module in unet.named_modules() if name.endswith(PROJECTIONS)]
    return [(module, KeptProjection(module.forward)) for module in found]


# Within a block, cross-attention projects the states of a pass once, not at every step. Nothing may change weights or
# states in place inside it.
kept_projections = WrappedModules(_wrap)

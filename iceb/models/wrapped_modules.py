"""Replace the `forward` of some of a model's modules for a while, for several threads at once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import nn

MISSING = object()
Wrapped: TypeAlias = Iterable[tuple[nn.Module, Callable[..., Any]]]  # each module with what takes its place


@dataclass
class _Installed:
    """A model's modules as they were before the first block, and the number of blocks now."""

    before: list[tuple[nn.Module, object]]
    blocks: int = 0


class WrappedModules:
    """Blocks in which modules are replaced; they may overlap on several threads, and need not nest.

    Args:
        wrap: from a model, the modules and what each calls instead of its own `forward`.
    """

    def __init__(self, wrap: Callable[[nn.Module], Wrapped]) -> None:
        self._wrap = wrap
        self._lock = threading.Lock()
        self._installed: dict[int, _Installed] = {}  # by the model's id

    @contextmanager
    def __call__(self, model: nn.Module) -> Iterator[None]:
        """Replace the modules within the block; after the last of several they are as before the first."""
        with self._lock:
            if id(model) not in self._installed:
                self._installed[id(model)] = _Installed(_install(list(self._wrap(model))))
            self._installed[id(model)].blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._installed[id(model)].blocks -= 1
                if not self._installed[id(model)].blocks:
                    _restore(self._installed.pop(id(model)).before)


def _install(wrapped: list[tuple[nn.Module, Callable[..., Any]]]) -> list[tuple[nn.Module, object]]:
    """Put in what was made; returns each module with its own `forward` before, MISSING without one."""
    before: list[tuple[nn.Module, object]] = [(module, vars(module).get("forward", MISSING)) for module, _ in wrapped]
    for module, forward in wrapped:
        vars(module)["forward"] = forward
    return before


def _restore(before: list[tuple[nn.Module, object]]) -> None:
    for module, own in before:
        if own is MISSING:
            del vars(module)["forward"]
        else:
            vars(module)["forward"] = own

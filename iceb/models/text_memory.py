"""Memory of texts' states: what an edit of a loaded model leaves alone is not read again.

An edit that changes no text encoder reads every text as the unedited model does. One that changes layers from the L-th
on leaves the states below that layer as they were: these are kept too, and only the layers above are run again.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, TypeAlias

from torch import Tensor

from iceb.base.digest import digest

LIMIT = 2**28  # bytes of one model's memory, by default: 256 MiB, or 1 134 states of 77 × 768 float32 numbers
LAST = 2  # layers to run again after an edit, as long as nothing says how many
LAYER = re.compile(r"\.layers\.(\d+)\.")
AFTER_THE_LAYERS = ("final_layer_norm", "text_projection")

Kept: TypeAlias = tuple[Tensor, ...]
Key: TypeAlias = tuple[str | int, ...]


class TextMemory:
    """Tensors by key, the least recently used thrown out beyond a limit; may be used by several threads.

    Args:
        limit: the most bytes that are kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.size = 0
        self.expected: int | None = None  # the lowest layer that edits are expected to change
        self.layers: frozenset[int] = frozenset()  # those of which states were kept that go into them
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Kept | None:
        """The tensors of this key; None if they are not there. They are not to be written to."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Key, tensors: Kept, layer: int | None = None) -> None:
        """Keep tensors; those already there stay.

        Args:
            layer: the one that they go into; None for what the denoiser reads.
        """
        with self._lock:
            self.layers |= frozenset() if layer is None else {layer}
            if key in self._kept:
                return
            self._kept[key] = tensors
            self.size += _bytes(tensors)
            while self.size > self.limit:
                self.size -= _bytes(self._kept.popitem(last=False)[1])


class KeptTexts:
    """The part of a memory that holds for a model under its edits.

    It may be used only for a model that is what its digest names (`bundle.verify`): whose tokenizers, modules and
    weights are those that were loaded, but for the edits' weights.

    Args:
        memory: that of the loaded model.
        changes: digest of each parameter of a text encoder that the edits have changed.
        modes: torch's, which decide the last bits.
    """

    def __init__(
        self, memory: TextMemory, changes: Mapping[str, str] | None = None, modes: Mapping[str, Any] | None = None
    ) -> None:
        self._memory = memory
        self._changes = dict(changes or {})
        self._modes = digest(dict(modes or {}))
        self._owner = digest(self._changes)

    def get(self, text: str) -> Kept | None:
        """The tensors that the denoiser reads of a text; None if they are not there."""
        return self._memory.get((self._modes, self._owner, text))

    def put(self, text: str, tensors: Kept) -> None:
        """Keep what the denoiser reads of a text."""
        self._memory.put((self._modes, self._owner, text), tensors)

    def find_below(self, text: str, top: int) -> tuple[int, Tensor] | None:
        """The highest layer of which a text's states are kept that go into it, and these; None without.

        Args:
            top: the highest layer allowed, as `unchanged_layers` gives it.
        """
        for layer in sorted((layer for layer in self._memory.layers if layer <= top), reverse=True):
            if found := self._memory.get((self._modes, layer, text)):
                return layer, found[0]
        return None

    def put_below(self, layer: int, text: str, states: Tensor) -> None:
        """Keep a text's states that go into a layer, which is one of the `unchanged_layers` or the one above."""
        self._memory.put((self._modes, layer, text), (states,), layer)

    def unchanged_layers(self, count: int) -> int:
        """The number of the lowest of `count` layers that are as they were loaded, embeddings included."""
        return min((_layer(name, count) for name in self._changes), default=count)

    def watched_layer(self, count: int) -> int:
        """The layer, of `count`, of which states are to be kept that go into it: 0 for none.

        It is the lowest one that the edits have changed; of an unedited model the one that edits are expected to.
        """
        if not self._changes:
            return max(count - LAST, 0) if self._memory.expected is None else min(self._memory.expected, count - 1)
        found = self.unchanged_layers(count)
        self._memory.expected = found or self._memory.expected
        return found


def _layer(name: str, count: int) -> int:
    """The lowest of `count` layers that has to be run again when a parameter has changed."""
    found = LAYER.search(name)
    if found:
        return int(found[1])
    return count - 1 if any(part in name for part in AFTER_THE_LAYERS) else 0


def _bytes(tensors: Kept) -> int:
    return sum(each.nbytes for each in tensors)

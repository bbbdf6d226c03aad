"""Count the arithmetic and the peak memory of a computation that runs on torch's meta device."""

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Counted:
    """Floating-point operations of a computation, two a multiply-add, and its most bytes at one time."""

    flops: int
    peak_bytes: int  # of what was made meanwhile; what was there before is not in it


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's base is untyped
    """Sums up the bytes of all tensors that are alive, as an allocator without fragments would hold them.

    Args:
        standing: tensors that were there before, which are not counted.
    """

    def __init__(self, standing: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._kept = [each.untyped_storage() for each in standing]
        self._known = {storage._cdata for storage in self._kept}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation, and count the tensors it made."""
        found = func(*args, **(kwargs or {}))
        for each in tree_leaves(found):
            if isinstance(each, Tensor):
                self._see(each)
        return found

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata in self._known:
            return
        size = storage.nbytes()
        self._known.add(storage._cdata)
        weakref.finalize(storage, self._free, storage._cdata, size)
        self.live += size
        self.peak = max(self.peak, self.live)

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


@contextmanager
def fused_attention(plain_keys: int | None = None) -> Iterator[None]:
    """Compute attention on the meta device as GPUs do, which keep no matrix of attention.

    Torch takes the plain form there. A mode of torch's would not reach blocks that are computed again in a backward
    pass. Tensors of other devices are left alone, so that other threads see no change.

    Args:
        plain_keys: attention to so many keys keeps its matrix, for methods that look at it; None: none does.
    """
    usual = nn.functional.scaled_dot_product_attention

    def attend(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **named: Any) -> Any:
        if query.device.type != "meta":
            return usual(query, key, value, *rest, **named)
        if key.shape[-2] == plain_keys:
            return (query @ key.transpose(-1, -2)).softmax(dim=-1) @ value
        fused: Any = torch.ops.aten._scaled_dot_product_efficient_attention
        return fused(query, key, value, None, torch.is_grad_enabled())[0]

    with patch.object(nn.functional, "scaled_dot_product_attention", attend):
        yield


@contextmanager
def uncollected_garbage() -> Iterator[None]:
    """Keep Python from collecting garbage, which frees tensors in cycles whenever it comes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def count(
    work: Callable[[], object], standing: Iterable[Tensor] = (), *, gradients: bool, plain_keys: int | None = None
) -> Counted:
    """Run `work`, whose tensors are all on the meta device, and count.

    Args:
        standing: tensors that are there before.
        gradients: whether autograd keeps what a backward pass needs.
        plain_keys: as `fused_attention`'s.
    """
    flops = FlopCounterMode(display=False)
    live = LiveBytes(standing)
    with torch.set_grad_enabled(gradients), fused_attention(plain_keys), uncollected_garbage(), flops, live:
        work()
    return Counted(int(flops.get_total_flops()), live.peak)

"""Detect copies of the model: count live tensors that have a parameter's shape.

Process memory cannot show this for a small model, whose second copy weighs less than the activations of a few
images. A tensor with exactly a parameter's shape is a copy of it, its gradient, or an optimiser's moment; one that
has a matrix's or a kernel's shape behind a first dimension is a stack of those. (Stacked vectors are negligible,
and every batch of activations has such a shape.)
"""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from iceb.models.bundle import ModelBundle


class CopyCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Count the bytes of new tensors with the shape of a model parameter, inside a `with` block.

    Only this thread's tensors are seen, so what is measured should compute in one. Two tensors that share memory count
    once; a tensor counts until its memory is freed, whoever holds it, a graph of gradients included.

    Attributes:
        most: the most bytes that lived at once.
    """

    def __init__(self, bundle: ModelBundle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        parameters = bundle.parameters_named().values()
        self._shapes = {tuple(value.shape) for value in parameters}
        self._own = [value.untyped_storage() for value in parameters]  # held, so that their ids are not reused
        self._living = {storage._cdata: 0 for storage in self._own}  # storage → bytes counted
        self._now = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count its output tensors."""
        found = func(*args, **(kwargs or {}))
        for value in tree_leaves(found):
            if isinstance(value, torch.Tensor) and self._has_parameter_shape(tuple(value.shape)):
                self._count(value.untyped_storage())
        return found

    def _has_parameter_shape(self, shape: tuple[int, ...]) -> bool:
        return shape in self._shapes or (len(shape) > 2 and shape[1:] in self._shapes)

    def _count(self, storage: Any) -> None:
        name = storage._cdata
        if name in self._living:
            return
        self._living[name] = storage.nbytes()
        weakref.finalize(storage, self._forget, name).atexit = False
        self._now += storage.nbytes()
        self.most = max(self.most, self._now)

    def _forget(self, name: int) -> None:
        self._now -= self._living.pop(name)

"""A model under the edits of a schedule: batches are added in sequence and removed in any order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch

from iceb.base.errors import MethodError
from iceb.models.bundle import ModelBundle
from iceb.specs.methods import Edit


@dataclass
class _Level:
    """One applied edit."""

    batch: str
    edit: Edit
    stack: ExitStack
    bundle: ModelBundle  # the model below this edit


class EditedModel:
    """A bundle with a stack of edits in it.

    Args:
        base: the unedited model.
    """

    def __init__(self, base: ModelBundle) -> None:
        self.base = base
        self._levels: list[_Level] = []

    @property
    def current(self) -> ModelBundle:
        """The bundle in its current state."""
        return self._levels[-1].bundle if self._levels else self.base

    @property
    def active(self) -> tuple[str, ...]:
        """The batches whose edits are applied, in the order in which they were added."""
        return tuple(level.batch for level in self._levels)

    def add(self, batch: str, edit: Edit) -> None:
        """Apply an edit that was made on the current model.

        Raises:
            ModelError: the edit does not fit the model.
        """
        stack = ExitStack()
        bundle = stack.enter_context(self.current.applied(edit))
        self._levels.append(_Level(batch, edit, stack, bundle))

    def remove(self, batch: str) -> None:
        """Remove a batch's edit; without edits the model is bit-equal to the original.

        An earlier edit's difference, W₁ − W₀ of each of its weights, is subtracted in float64 from the weights of the
        edits above it that change the same parameters. Its rewrites of prompts go with it.

        Raises:
            MethodError: the batch is not active.
        """
        if batch not in self.active:
            raise MethodError(f"batch {batch!r} cannot be removed: active are {', '.join(self.active) or 'none'}")
        place = self.active.index(batch)
        above = [(level.batch, level.edit) for level in self._levels[place + 1 :]]
        self._pop_to(place + 1)
        removed = self._levels[place].edit
        self._pop_to(place)
        for name, edit in [(name, self._without(edit, removed)) for name, edit in above]:
            self.add(name, edit)

    def _without(self, edit: Edit, removed: Edit) -> Edit:
        """Rebase a later edit as if the removed one had never been applied; call it with both taken out."""
        shared = [name for name in edit.weights if name in removed.weights]
        changed = {
            name: _difference(edit.weights[name], removed.weights[name], self.current.parameter(name))
            for name in shared
        }
        return replace(edit, weights={**edit.weights, **changed}, right={})

    def _pop_to(self, count: int) -> None:
        while len(self._levels) > count:
            self._levels.pop().stack.close()

    @contextmanager
    def without_edits(self) -> Iterator[ModelBundle]:
        """Take every edit out inside the block, and apply them again afterwards."""
        levels = [(level.batch, level.edit) for level in self._levels]
        self._pop_to(0)
        try:
            yield self.base
        finally:
            for batch, edit in levels:
                self.add(batch, edit)

    def close(self) -> None:
        """Remove every edit."""
        self._pop_to(0)

    def __enter__(self) -> "EditedModel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _difference(later: torch.Tensor, removed: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """later − (removed − before), in float64, in the format of `later`."""
    found = later.double() - (removed.to(later.device).double() - before.to(later.device).double())
    return found.to(later.dtype)

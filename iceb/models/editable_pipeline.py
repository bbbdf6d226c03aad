"""A pipeline whose parameters can be replaced and restored bit for bit; the basis of `ModelBundle`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from iceb.base.errors import ModelError
from iceb.models.loading import load_pipeline
from iceb.models.sources import Source
from iceb.models.state import Place, State, model_state, tensor_facts


@dataclass
class AppliedEdit:
    """An edit's weights on a model, and the tensors that they replace.

    Attributes:
        weights: new values by parameter name.
        before: the tensors taken out; None until the pipeline is loaded.
        state: of the changed parameters, as they should be under the edit.
    """

    weights: Mapping[str, Tensor]
    before: dict[str, Tensor] | None = None
    state: Mapping[Place, object] = field(default_factory=dict)


@dataclass
class EditablePipeline:
    """A diffusers pipeline with a stack of applied edits, shared by a bundle and its edited views.

    It is loaded when first needed: a run whose images are all in the store never loads it.

    Attributes:
        loaded: the pipeline; None until it is needed.
        levels: the applied edits, the last one on top.
        state: the model's state right after loading.
        spoiled: why nothing may be drawn any more; "" while all is well.
    """

    source: Source
    device: torch.device
    loaded: Any = None
    levels: list[AppliedEdit] = field(default_factory=list)
    state: State = field(default_factory=dict)
    spoiled: str = ""

    @property
    def pipeline(self) -> Any:
        """The pipeline with all edits in it, loaded now if it was not."""
        if self.loaded is None:
            self.take(load_pipeline(self.source, self.device))
            for level in self.levels:
                self._put(level)
        return self.loaded

    def take(self, pipeline: Any) -> None:
        """Use a pipeline that is in memory, and record its state."""
        self.loaded = pipeline
        self.state = model_state(pipeline)

    def expected_state(self) -> State:
        """The state as loaded, under the edits applied now."""
        found = dict(self.state)
        for level in self.levels:
            found.update(level.state)
        return found

    @cached_property
    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """The parameters that an edit may name, `<component>.<state_dict name>`."""
        parts = {name: getattr(self.pipeline, name) for name in self.source.family.components}
        return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}

    def push(self, weights: Mapping[str, Tensor]) -> None:
        """Apply an edit's weights on top of those applied before.

        Raises:
            ModelError: a name, shape or number format is not the model's.
        """
        level = AppliedEdit(weights)
        if self.loaded is not None:
            self._put(level)
        self.levels.append(level)

    def pop(self) -> None:
        """Take the last edit out again, bit for bit."""
        level = self.levels.pop()
        for name, tensor in (level.before or {}).items():
            self.parameters[name].data = tensor  # the very tensor that was taken out: nothing can be rounded

    def _put(self, level: AppliedEdit) -> None:
        _check_fit(level.weights, self.parameters)
        level.before = {name: self.parameters[name].data for name in level.weights}
        for name, tensor in level.weights.items():
            self.parameters[name].data = _laid_out(tensor.detach(), self.parameters[name].data)
        level.state = tensor_facts({("weight", name): self.parameters[name].data for name in level.weights})


def _laid_out(tensor: Tensor, like: Tensor) -> Tensor:
    """A tensor on the device of another; in its order in memory too, where that is not the plain one.

    Kernels are chosen by that order, so equal weights draw equal images whichever way they came into the model.
    """
    moved = tensor.to(like.device)
    return moved if like.is_contiguous() else torch.empty_like(like).copy_(moved)


def _check_fit(weights: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Refuse weights that do not fit the model, before any of them is put in.

    Raises:
        ModelError: an unknown name, or another shape or number format.
    """
    for name, tensor in weights.items():
        if name not in parameters:
            raise ModelError(unknown_parameter(name, parameters))
        wanted = parameters[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise ModelError(
                f"parameter {name}: got {tuple(tensor.shape)} {tensor.dtype}, "
                f"the model has {tuple(wanted.shape)} {wanted.dtype}"
            )


def unknown_parameter(name: str, parameters: Mapping[str, Any]) -> str:
    """The message for a parameter that the model does not have."""
    near = difflib.get_close_matches(name, parameters, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else "names are <component>.<state_dict name>"
    return f"the model has no parameter {name!r}: {hint}"

"""Gradient training of some of a module's parameters, on copies; the module itself is not changed.

For every method that trains a denoiser. `parameters_where` says which parameters, `TrainedParameters` keeps copies
of them and moves these, and the module is run with them (`Denoiser.output(..., weights=trained.values)`).
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from iceb.base.errors import MethodError, ModelError
from iceb.methods.common.denoiser import Denoiser
from iceb.specs.runs import Precision


def denoiser_of(pipeline: Any, precision: Precision = "float32") -> Denoiser:
    """A pipeline's denoiser in float32; of a model in half precision a copy.

    Args:
        precision: of the UNet's passes.

    Raises:
        ModelError: the denoiser predicts neither noise nor v.
    """
    unet, vae = (in_dtype(module, torch.float32) for module in (pipeline.unet, pipeline.vae))
    return Denoiser(unet, vae, pipeline.scheduler, precision)


@contextmanager
def training_passes(precision: Precision) -> Iterator[None]:
    """Run the block's float32 arithmetic on a GPU in TF32 if requested, else in float32.

    It is for the process, so that it also holds in the backward pass: enter it once around a training, not in each of
    several threads. A processor knows no TF32.
    """
    cudnn: Any = torch.backends.cudnn  # torch's type stub lacks `conv`
    backends = torch.backends.cuda.matmul, cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        for backend, known in zip(backends, before, strict=True):
            backend.fp32_precision = known


@contextmanager
def record_seconds(log: dict[str, float], name: str) -> Iterator[None]:
    """Record the block's duration in a method's diagnostics, under `name`."""
    start = time.monotonic()
    yield
    log[name] = time.monotonic() - start


class TrainedParameters:
    """Copies of chosen parameters of a module, and the optimiser that moves them.

    Run the module inside `without_gradients`, so that no gradient is computed for the rest; `step` writes none to it
    in either case. Running a module with other weights swaps its tensors while it runs, so one
    module must not run in two threads at once with copies.

    Args:
        module: where the parameters come from.
        names: which, as `module.named_parameters()` names them.
        optimiser: makes the optimiser of a list of tensors, say `partial(torch.optim.Adam, lr=1e-5)`.

    Attributes:
        values: name → trained tensor, of the module's shape and number format.

    Raises:
        ModelError: no name was given, or the module has no such parameter.
    """

    def __init__(
        self, module: nn.Module, names: Sequence[str], optimiser: Callable[[list[Tensor]], torch.optim.Optimizer]
    ) -> None:
        own = dict(module.named_parameters())
        if not names:
            raise ModelError(f"no parameter of {type(module).__name__} is to be trained: name at least one")
        if unknown := [name for name in names if name not in own]:
            raise ModelError(f"{type(module).__name__} has no parameter {unknown[0]!r}: name those it has")
        self.before: dict[str, Tensor] = {name: own[name].detach() for name in names}
        self.values = {name: value.clone().requires_grad_() for name, value in self.before.items()}
        self.optimiser = optimiser(list(self.values.values()))

    def gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """The gradient of a loss by name; a parameter that the loss does not reach is left out."""
        found = torch.autograd.grad(loss, list(self.values.values()), allow_unused=True)
        return {name: slope for name, slope in zip(self.values, found, strict=True) if slope is not None}

    def move(self, gradients: Mapping[str, Tensor]) -> None:
        """Take one optimiser step along gradients; a parameter without one stays, without decay."""
        for name, value in self.values.items():
            value.grad = gradients.get(name)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def step(self, loss: Tensor, largest_norm: float | None = None) -> float:
        """Take one optimiser step on a loss.

        Args:
            loss: a scalar that was computed with `values`.
            largest_norm: where the gradients' common norm is larger, they are all scaled down to it.

        Returns:
            The loss.

        Raises:
            MethodError: the loss is not finite.
        """
        value = float(loss.detach())
        if not torch.isfinite(loss.detach()).all():
            raise MethodError(f"the training loss is {value}: lower the learning rate, or train in float32")
        gradients = self.gradients(loss)
        self.move(gradients if largest_norm is None else clip_gradients(gradients, largest_norm))
        return value

    def restart(self, optimiser: Callable[[list[Tensor]], torch.optim.Optimizer]) -> None:
        """Start a fresh optimiser from the current values."""
        self.optimiser = optimiser(list(self.values.values()))

    def weights(self, component: str, dtype: torch.dtype) -> dict[str, Tensor]:
        """The trained values as an edit's weights: `<component>.<name>` → tensor in the model's dtype."""
        return {f"{component}.{name}": value.detach().to(dtype, copy=True) for name, value in self.values.items()}

    @property
    def relative_change(self) -> float:
        """‖θ − θ₀‖ / ‖θ₀‖ over all trained parameters."""
        moved = sum(
            float((self.values[name].detach() - old).double().square().sum()) for name, old in self.before.items()
        )
        whole = sum(float(old.double().square().sum()) for old in self.before.values())
        return float((moved / whole) ** 0.5) if whole else 0.0


def clip_gradients(gradients: Mapping[str, Tensor], largest_norm: float) -> dict[str, Tensor]:
    """Scale gradients down together to a common norm of at most `largest_norm`, as torch does."""
    norm = torch.stack([slope.norm() for slope in gradients.values()]).norm() if gradients else torch.tensor(0.0)
    scale = torch.clamp(largest_norm / (norm + 1e-6), max=1.0)
    return {name: slope * scale for name, slope in gradients.items()}


def parameters_where(
    module: nn.Module, wanted: Callable[[str], bool], kinds: tuple[type[nn.Module], ...] = ()
) -> list[str]:
    """Names of the parameters whose name is wanted, in the module's order.

    Args:
        kinds: only parameters that belong directly to a module of these classes; (): all.

    Raises:
        ModelError: there is none, so that an edit of nothing cannot pass for an edit.
    """
    names = [
        name for name, owner in _parameter_owners(module) if wanted(name) and (not kinds or isinstance(owner, kinds))
    ]
    if not names:
        raise ModelError(
            f"{type(module).__name__} has no parameter of the group asked for: choose another group or model"
        )
    return names


def _parameter_owners(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Pairs of a parameter's name and the module that owns it."""
    for path, owner in module.named_modules():
        for name, _ in owner.named_parameters(prefix=path, recurse=False):
            yield name, owner


def in_dtype(module: nn.Module, dtype: torch.dtype) -> Any:
    """The module itself if it has this dtype, else a converted copy.

    Its tensors are converted one by one, so that a copy in half precision never needs the room of a whole one.
    """
    if all(value.dtype == dtype for value in module.parameters()):
        return module
    known: dict[int, Any] = {  # deepcopy uses these instead of copying
        id(value): nn.Parameter(value.detach().to(dtype, copy=True), value.requires_grad)
        for value in module.parameters()
        if value.is_floating_point()
    }
    known |= {id(value): value.to(dtype, copy=True) for value in module.buffers() if value.is_floating_point()}
    return copy.deepcopy(module, known)

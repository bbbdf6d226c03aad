"""Process settings that a method must not change: recorded before its call, restored after it."""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn.modules import module as torch_modules

from iceb.base.torch_state import COMMON
from iceb.models.state import Place, State, code_owners, difference, functions, owner_name

Settings: TypeAlias = Iterator["Setting"]

FLAGS = (  # flags of torch.backends, older names before the newer ones that they set
    "fp32_precision",
    "cuda.matmul.fp32_precision",
    "cuda.matmul.allow_fp16_accumulation",
    "cuda.matmul.allow_fp16_reduced_precision_reduction",
    "cuda.matmul.allow_bf16_reduced_precision_reduction",
    "cudnn.allow_tf32",
    "cudnn.fp32_precision",
    "cudnn.conv.fp32_precision",
    "cudnn.rnn.fp32_precision",
    "cudnn.enabled",
    "cudnn.benchmark",
    "cudnn.deterministic",
    "mkldnn.enabled",
    "mkldnn.fp32_precision",
    "mkldnn.conv.fp32_precision",
    "mkldnn.matmul.fp32_precision",
    "mkldnn.rnn.fp32_precision",
    "mkldnn.deterministic",
)
ATTENTION = ("flash_sdp", "mem_efficient_sdp", "math_sdp", "cudnn_sdp")
GLOBAL_HOOKS = tuple(name for name in vars(torch_modules) if name.startswith("_global") and name.endswith("hooks"))


@dataclass(frozen=True)
class Setting:
    """A process setting: a function that reads it and, where possible, one that writes it."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object] | None = None
    of: str = ""

    @property
    def place(self) -> Place:
        """The setting's name in messages."""
        return self.name, self.of

    def value(self) -> Any:
        """The setting's current value; None if this version of torch does not offer it."""
        try:
            return self.read()
        except (AttributeError, RuntimeError, OSError):
            return None


@dataclass
class Process:
    """The process's settings at the moment this is made.

    Args:
        pipeline: whose classes count too: a function that was replaced there is replaced for every later model.
        device: whose random state counts beside the processor's.
    """

    pipeline: Any
    device: torch.device
    before: list[tuple[Setting, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.before = [(setting, setting.value()) for setting in _settings(self.pipeline, self.device)]

    def changes(self) -> str:
        """The first few settings that differ now, in words; "" where none does."""
        return difference(_state(self.before), _state((setting, setting.value()) for setting, _ in self.before))

    def restore(self) -> str:
        """Put back what differs; the first few settings that differ even then."""
        for setting, value in self.before:
            if setting.write is not None and value is not None and setting.value() != value:
                setting.write(value)
        return self.changes()


def _state(values: Iterable[tuple[Setting, Any]]) -> State:
    return {setting.place: value for setting, value in values}


def _settings(pipeline: Any, device: torch.device) -> Settings:
    yield from _random_states(device)
    for name, common in COMMON.items():
        yield Setting(f"torch's {name}", partial(common.read, torch), partial(common.write, torch))
    yield Setting("torch's inference mode", torch.is_inference_mode_enabled)
    yield Setting("torch's anomaly mode", torch.is_anomaly_enabled, torch.set_anomaly_enabled)
    yield from _precision()
    for kind in ("cpu", "cuda"):
        yield Setting("torch's autocast", partial(torch.is_autocast_enabled, kind), partial(_set_autocast, kind), kind)
    yield Setting("torch's hooks of every module", _global_hooks, _set_global_hooks)
    yield Setting("NumPy's handling of floating-point errors", np.geterr, lambda known: np.seterr(**known))
    yield Setting("the working folder", os.getcwd, os.chdir)
    for owner in code_owners(pipeline.components.values()):
        yield Setting("code", partial(functions, owner), partial(_set_functions, owner), owner_name(owner))


def _random_states(device: torch.device) -> Settings:
    yield Setting("torch's random state", partial(_bytes, torch.get_rng_state), _write(torch.set_rng_state))
    if device.type == "cuda":
        read, write = torch.cuda.get_rng_state, torch.cuda.set_rng_state
        yield Setting("torch's random state", partial(_bytes, read, device), _write(write, device), "the GPU")
    yield Setting("numpy's random state", _numpy_state, np.random.set_state)
    yield Setting("python's random state", random.getstate, random.setstate)


def _precision() -> Settings:
    known, set_known = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    yield Setting("torch's float32_matmul_precision", known, set_known)
    for flag in FLAGS:
        *above, name = flag.split(".")
        owner = partial(_backend, above)
        yield Setting(f"torch.backends.{flag}", partial(_get, owner, name), partial(_set, owner, name))
    for kind in ATTENTION:
        read, write = (getattr(torch.backends.cuda, each, None) for each in (f"{kind}_enabled", f"enable_{kind}"))
        if read is not None:
            yield Setting(f"torch.backends.cuda.{kind}_enabled", read, write)


def _backend(path: list[str]) -> Any:
    found: Any = torch.backends
    for name in path:
        found = getattr(found, name)
    return found


def _get(owner: Callable[[], Any], name: str) -> Any:
    return getattr(owner(), name)


def _set(owner: Callable[[], Any], name: str, value: Any) -> None:
    setattr(owner(), name, value)


def _bytes(read: Callable[..., torch.Tensor], *arguments: Any) -> bytes:
    return read(*arguments).numpy().tobytes()


def _write(write: Callable[..., object], *arguments: Any) -> Callable[[bytes], object]:
    return lambda state: write(torch.frombuffer(bytearray(state), dtype=torch.uint8), *arguments)


def _numpy_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    return (kind, np.asarray(keys).tolist(), *rest)


def _set_autocast(kind: str, enabled: bool) -> None:
    torch.set_autocast_enabled(kind, enabled)


def _global_hooks() -> dict[str, dict[int, Any]]:
    return {name: dict(getattr(torch_modules, name)) for name in GLOBAL_HOOKS}


def _set_global_hooks(known: dict[str, dict[int, Any]]) -> None:
    for name, hooks in known.items():
        standing = getattr(torch_modules, name)
        standing.clear()
        standing.update(hooks)


def _set_functions(owner: type | ModuleType, known: dict[str, object]) -> None:
    for name in functions(owner).keys() - known.keys():
        delattr(owner, name)
    for name, value in known.items():
        if vars(owner).get(name) is not value:
            setattr(owner, name, value)

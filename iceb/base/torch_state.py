"""Find and undo changes of torch's process-wide settings that importing a package makes.

Torch is not imported for it. Where the import brings torch in, the settings are compared with torch's own defaults.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

Values: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class TorchSetting:
    """A process-wide setting of torch: functions that read and write it, and its default."""

    read: Callable[[Any], Any]
    write: Callable[[Any, Any], object]
    default: Callable[[Any], Any] | None = None  # None: depends on the machine, or is random


def _flushes(torch: Any) -> bool:
    """Whether numbers below the smallest normal one become zero; torch can set this and not tell."""
    smallest = 5e-324
    return smallest * 1.0 == 0.0


def _set_device(torch: Any, device: Any) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _cudnn(name: str) -> TorchSetting:
    return TorchSetting(
        lambda torch: getattr(torch.backends.cudnn, name),
        lambda torch, value: setattr(torch.backends.cudnn, name, value),
        lambda torch: False,
    )


COMMON = {  # that a method must leave alone as well as an import
    "default number format": TorchSetting(
        lambda torch: torch.get_default_dtype(),
        lambda torch, value: torch.set_default_dtype(value),
        lambda torch: torch.float32,
    ),
    "default device": TorchSetting(
        lambda torch: torch.get_default_device(), _set_device, lambda torch: torch.device("cpu")
    ),
    "gradient mode": TorchSetting(
        lambda torch: torch.is_grad_enabled(), lambda torch, value: torch.set_grad_enabled(value), lambda torch: True
    ),
    "deterministic mode": TorchSetting(
        lambda torch: torch.get_deterministic_debug_mode(),
        lambda torch, value: torch.set_deterministic_debug_mode(value),
        lambda torch: 0,
    ),
    "rounding of the smallest numbers to zero": TorchSetting(
        _flushes, lambda torch, value: torch.set_flush_denormal(value), lambda torch: False
    ),
    "number of threads": TorchSetting(
        lambda torch: torch.get_num_threads(), lambda torch, value: torch.set_num_threads(value)
    ),
}
SETTINGS = {
    **COMMON,
    "cudnn.deterministic": _cudnn("deterministic"),
    "cudnn.benchmark": _cudnn("benchmark"),
    "seed": TorchSetting(lambda torch: torch.initial_seed(), lambda torch, value: torch.manual_seed(value)),
}


@contextmanager
def keep_torch_settings() -> Iterator[Callable[[], str]]:
    """Restore on exit whatever the block changes of torch's settings.

    Yields:
        A function that restores them now and names what had changed, with both values; "" where nothing had.
    """
    loaded = sys.modules.get("torch")
    before = None if loaded is None else {name: setting.read(loaded) for name, setting in SETTINGS.items()}

    def put_back() -> str:
        torch = sys.modules.get("torch")
        return "" if torch is None else _put_back(torch, _defaults(torch) if before is None else before)

    try:
        yield put_back
    finally:
        put_back()


def _defaults(torch: Any) -> Values:
    return {name: setting.default(torch) for name, setting in SETTINGS.items() if setting.default is not None}


def _put_back(torch: Any, before: Values) -> str:
    changes = []
    for name, value in before.items():
        now = SETTINGS[name].read(torch)
        if now != value:
            SETTINGS[name].write(torch, value)
            changes.append(f"torch's {name} (from {value} to {now})")
    return ", ".join(changes)

"""Execution settings of a run: device, sizes of passes, precision of training passes, workers.

All but the precision stand in no key and in no run's id: they may change a number by rounding, and nothing else.
Passes in bfloat16 make another edit, so the precision names the edit, what the method keeps, and the run.
"""

from dataclasses import dataclass
from typing import get_args

from iceb.base.errors import SpecError
from iceb.specs.runs import Precision

MOST = 4096  # items of one pass, and workers; more is a typing error


@dataclass(frozen=True, slots=True)
class Execution:
    """Settings of speed and memory; None leaves a choice to the model's family or to the method."""

    device: str = "auto"  # "cpu", "cuda", "cuda:1" …
    images_per_pass: int | None = None  # drawn, measured, or sampled by ESD together; texts read together on a GPU
    concepts_at_once: int | None = None  # concepts that a method trains together
    precision: Precision = "float32"  # of training passes; drawing and closed forms keep the model's own
    workers: int | None = None  # threads on a CPU, each with a pass of its own

    def __post_init__(self) -> None:
        for name in ("images_per_pass", "concepts_at_once", "workers"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST:
                raise SpecError(f"`{name}` {value}: must be a whole number from 1 to {MOST}, or left out")
        if self.precision not in get_args(Precision):
            raise SpecError(f"`precision` {self.precision!r}: must be one of {', '.join(get_args(Precision))}")


DEFAULT = Execution()


def device_kind(device: str) -> str:
    """The kind of a device.

    >>> device_kind("cuda:1")
    'cuda'
    """
    return device.partition(":")[0]

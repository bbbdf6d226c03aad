"""Measure what a run costs: seconds per stage, and peak memory."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iceb.base.gpu_peak import GPU


class Seconds:
    """A sum of seconds by stage name."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.spent: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time a block under `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - began

    @property
    def total(self) -> float:
        """Seconds since this object was made."""
        return time.perf_counter() - self.begun


def peak_bytes() -> int | None:
    """Return the peak memory of this process so far; None if the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


def reset_peaks() -> None:
    """Count peak memory from now on, where the system allows it, so that one run's is not the next one's."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: the highest resident size is today's
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        GPU.forget()


def peak_gpu_bytes() -> int | None:
    """Return the peak GPU memory of tensors so far; None if no GPU is in use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return max(GPU.earlier, int(torch.cuda.max_memory_allocated()))

"""What a run takes: seconds of each stage, and the most memory it held."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Seconds:
    """Adds up the time of stages by name."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.spent: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time what happens inside under `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - began

    @property
    def total(self) -> float:
        """Seconds since the first moment."""
        return time.perf_counter() - self.begun


def peak_bytes() -> int | None:
    """The most memory this process has held so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


def peak_gpu_bytes() -> int | None:
    """The most GPU memory that tensors have held so far; None without a GPU in use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.max_memory_allocated())

"""Measure time and memory of edits of several sizes."""

import ctypes
import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from iceb.base.wording import count_text, size_text
from iceb.conformance.check_line import Broken, Info, Line, Skipped, line
from iceb.conformance.methods.edit_checks import PlainEdit
from iceb.conformance.methods.model_copies import CopyCounter
from iceb.conformance.methods.sample_requests import FEW, sample
from iceb.models import threads
from iceb.models.bundle import ModelBundle
from iceb.running.cost import peak_bytes

ALLOWANCE = 512 * 2**20  # bytes of working memory beside one copy of the model, the edit, and what is kept in scratch
TRAINED = 4  # tensors a trained parameter may need: its new value, gradient, and an optimiser's two moments
CAUTION = 2.0  # factor on the predicted time within which an edit is still started


@dataclass
class EditCost:
    """Edits of growing size, each with empty scratch, while time is left."""

    plain_edit: PlainEdit
    seconds: float  # seconds for all sizes; inf: no limit
    allowance: int = ALLOWANCE
    took: dict[int, float] = field(default_factory=dict)  # number of requests → seconds
    excess: dict[int, str] = field(default_factory=dict)  # sizes that held too much, and how much

    def lines(self, sizes: Sequence[int]) -> Iterator[Line]:
        """One line per size, and one on peak memory."""
        began = time.perf_counter()
        for number in sorted(set(sizes)):
            left = self.seconds - self.plain_edit.seconds - (time.perf_counter() - began)  # one more edit counts copies
            yield line(count_text(number, "edit"), partial(self._one_size, number, left))
        yield line("memory", self._memory)

    def _one_size(self, number: int, left: float) -> Info:
        self.plain_edit.require_edit()
        under_test = self.plain_edit.under_test
        forecast = self._forecast(number)
        if self.took and forecast * CAUTION > left:  # the smallest size is always measured
            most = f"may take up to {forecast * CAUTION:.0f} s ({CAUTION:g} times the {forecast:.0f} s foreseen)"
            raise Skipped(f"{most}, {max(left, 0):.0f} s are left: `full` takes the time")
        scratch, requests = under_test.scratch(), sample(number, under_test.kind)
        peak, began = Peak(under_test.bundle), time.perf_counter()
        edit = under_test.edit(requests, scratch)
        self.took[number] = time.perf_counter() - began
        grown, kept = peak.growth(), _folder_bytes(scratch.folder)
        own = _bytes(edit.weights.values())
        allowed = _weights(under_test.bundle) + own + kept + self.allowance
        if grown > allowed:
            self.excess[number] = (
                f"{count_text(number, 'request')} held {size_text(grown)}, allowed are {size_text(allowed)}"
            )
        return Info(
            f"{self.took[number]:.2f} s, memory grew by {size_text(grown)}; "
            f"edit {size_text(own)}, scratch {size_text(kept)}"
        )

    def _forecast(self, number: int) -> float:
        """Predict seconds on the straight line through the last two sizes; the plain edit is one of the first."""
        if not self.took:
            return 0.0
        plain = {FEW: self.plain_edit.seconds} if len(self.took) == 1 else {}  # sizes this close predict little
        known = sorted({0: 0.0, **plain, **self.took}.items())
        (first, earlier), (last, seconds) = known[-2:]
        return seconds + max(seconds - earlier, 0.0) * (number - last) / (last - first)

    def _memory(self) -> str:
        if not self.took:
            raise Skipped("no edit was measured")
        if self.excess:
            why = "one copy of the model, the edit, what scratch keeps, and working memory"
            raise Broken(f"{'; '.join(self.excess.values())}: {why}")
        return f"{self._copies_of_model()}; the process stayed within {size_text(self.allowance)} of its own share"

    def _copies_of_model(self) -> str:
        """Count the copies of the model that an edit of several requests holds."""
        under_test, scratch = self.plain_edit.under_test, self.plain_edit.under_test.scratch()
        with threads.single_threaded(), CopyCounter(under_test.bundle) as copies:
            edit = under_test.edit(sample(FEW, under_test.kind), scratch)
        model = _weights(under_test.bundle)
        allowed = model + TRAINED * _bytes(edit.weights.values()) + _folder_bytes(scratch.folder)
        why = f"one, {TRAINED} times what it changes, and what scratch keeps"
        held = f"it holds {copies.most / model:.2f} copies of the model, allowed are {allowed / model:.2f}: {why}"
        if copies.most > allowed:
            raise Broken(held)
        return held


class Peak:
    """Peak growth of memory from now on: of the process, and of the GPU if the model is on one."""

    def __init__(self, bundle: ModelBundle) -> None:
        _give_back()
        self._device = bundle.device if bundle.device.type == "cuda" else None
        self._resettable = _reset_peak()
        self._before = (_status("VmRSS") if self._resettable else peak_bytes()) or 0
        if self._device:
            torch.cuda.reset_peak_memory_stats(self._device)
            self._gpu = torch.cuda.memory_allocated(self._device)

    def growth(self) -> int:
        """Bytes at the peak beyond those held at the start."""
        now = (_status("VmHWM") if self._resettable else peak_bytes()) or 0
        gpu = torch.cuda.max_memory_allocated(self._device) - self._gpu if self._device else 0
        return max(now - self._before, 0) + gpu


def _give_back() -> None:
    """Return free memory to the system: glibc keeps it otherwise, and later growth would not show."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _reset_peak() -> bool:
    """Reset the process's peak memory (man 5 proc, clear_refs); False if the system cannot."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmHWM") is not None
    return False


def _status(name: str) -> int | None:
    """Read a row of /proc/self/status, in bytes."""
    with suppress(OSError):
        for row in Path("/proc/self/status").read_text().splitlines():
            if row.startswith(f"{name}:"):
                return int(row.split()[1]) * 1024
    return None


def _weights(bundle: ModelBundle) -> int:
    return _bytes(bundle.parameters_named().values())


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(value.numel() * value.element_size() for value in tensors)


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

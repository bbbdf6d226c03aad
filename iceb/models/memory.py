"""Fit passes into memory: halve the size of one that does not fit, and keep the size that does."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from iceb.base.errors import ModelError
from iceb.base.messages import reason
from iceb.base.out_of_memory import out_of_memory

Item = TypeVar("Item")
Result = TypeVar("Result")
# For passes of one item, which cannot be made smaller; elsewhere `REMEDY` of base.out_of_memory.
REMEDY_FOR_ONE = "`dtype=float16` on a GPU, fewer `workers` on a CPU, a smaller model, or `device=cpu`"
IMAGES = "images_per_pass"
log = logging.getLogger("iceb")


class PassSize:
    """The number of items in one pass: as many as asked for, fewer once memory did not suffice.

    Threads may share one.

    Args:
        field: the field of `Execution` that sets it, for messages.
        size: the most.
        each: how many of what the field counts are in one item; messages count these.
    """

    def __init__(self, field: str, size: int, each: int = 1) -> None:
        self.field, self.size, self.each = field, size, each
        self._tried: list[int] = []
        self._cut = False  # the size was cut and not reported yet
        self._lock = threading.Lock()

    def run(self, work: Callable[[Sequence[Item], int], Result], items: Sequence[Item]) -> list[Result]:
        """Apply `work` to all items, pass by pass.

        Args:
            work: takes the items of one pass, and how many a pass holds now, for those that fill up a smaller rest.

        Raises:
            ModelError: memory does not suffice even for passes of one.
        """
        found: list[Result] = []
        start = 0
        while start < len(items):
            size = self.size
            try:
                found.append(work(items[start : start + size], size))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                why = reason(error, 120)
            else:
                start += size
                self._say_what_fits(size)
                continue
            self._halve(size, why)  # not in the handler: by now the failed pass's tensors are free
        return found

    def _halve(self, failed: int, why: str) -> None:
        with self._lock:
            if failed not in self._tried:
                self._tried.append(failed)
            if failed == 1:
                raise ModelError(
                    f"out of memory with `{self.field}` {self._tried_text()} ({why}): use {REMEDY_FOR_ONE}"
                )
            if failed <= self.size:  # else another thread has cut it already
                self.size, self._cut = failed // 2, True
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _say_what_fits(self, size: int) -> None:
        with self._lock:
            if not self._cut or size > self.size:
                return
            self._cut = False
        fits = size * self.each
        log.warning("out of memory with `%s` %s: fits with `%s` %d", self.field, self._tried_text(), self.field, fits)

    def _tried_text(self) -> str:
        return ", ".join(str(size * self.each) for size in self._tried)


class PassSizes:
    """The sizes of one loaded model's passes, by field of `Execution`; a size cut for memory stays cut."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, int, int], PassSize] = {}
        self._fitting: int | None = None  # images in a drawing pass; None until it was found out

    def of(self, field: str, size: int, each: int = 1) -> PassSize:
        """The size that a field sets, as it is by now.

        Args:
            size: what was asked for, or the default.
            each: how many of what the field counts are in one item.
        """
        return self._sizes.setdefault((field, size, each), PassSize(field, size, each))

    def fit(self, usual: int, find: Callable[[], int]) -> int:
        """The number of images in a drawing pass where nobody asks for one, found out at the first call.

        Args:
            usual: the number until then, for passes by which it is found out.
            find: finds it out.
        """
        if self._fitting is None:
            self._fitting = usual
            self._fitting = find()
            self._sizes = {key: size for key, size in self._sizes.items() if key[0] != IMAGES}  # the usual: not used
        return self._fitting

    @property
    def in_use(self) -> dict[str, int]:
        """The smallest size in use, by field."""
        found: dict[str, int] = {}
        for (field, asked, each), size in self._sizes.items():
            found[field] = min(size.size * each, found.get(field, asked * each))
        return found

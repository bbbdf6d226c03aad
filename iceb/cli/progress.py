"""Progress on stderr: bars with the time left on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

EVERY = 10.0  # seconds between two lines of one stage in a log


class Bars:
    """One bar per stage, with the time left; for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Left

        columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress: Progress = Progress(
            *columns, TextColumn("left"), Left(), console=Console(stderr=True), refresh_per_second=4
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int) -> None:
        """A stage with `total` pieces of work begins."""
        self._tasks[name] = self._progress.add_task(name, total=max(total, 1), completed=0 if total else 1)

    def advance(self, name: str, pieces: int = 1) -> None:
        """`pieces` more are done."""
        if name in self._tasks:
            self._progress.advance(self._tasks[name], pieces)


class Lines:
    """The same as lines, when stderr is a file or a pipe: a start, a line every ten seconds, an end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._stages: dict[str, list[float]] = {}  # name → total, done, begun, last said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def stage(self, name: str, total: int) -> None:
        """A stage with `total` pieces of work begins."""
        now = self._clock()
        self._stages[name] = [total, 0, now, now]
        if total:
            self._say(f"{name}: 0/{total}")

    def advance(self, name: str, pieces: int = 1) -> None:
        """`pieces` more are done."""
        if name not in self._stages:
            return
        stage, now = self._stages[name], self._clock()
        stage[1] += pieces
        total, done, begun, said = stage
        if done >= total:
            self._say(f"{name}: {done:.0f}/{total:.0f} in {clock_time(now - begun)}")
        elif now - said >= EVERY:
            stage[3] = now
            left = (now - begun) / done * (total - done)
            self._say(f"{name}: {done:.0f}/{total:.0f}, {clock_time(left)} left")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def display() -> Bars | Lines:
    """Bars where somebody watches, lines where nobody does."""
    return Bars() if sys.stderr.isatty() else Lines(sys.stderr)


def clock_time(seconds: float) -> str:
    """Minutes and seconds, or hours too.

    >>> clock_time(75), clock_time(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

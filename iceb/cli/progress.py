"""Show progress on stderr: bars with times on a terminal, occasional lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from iceb.base.progress import Advance, watching
from iceb.cli.interrupts import Attentive, watch_interrupts

EVERY = 10.0  # seconds between two lines of one stage in a log
BESIDE = 70  # characters of a line beside its bar
LEAST, MOST = 6, 40  # characters of a bar


class Bars:
    """One bar per stage, with the time left; for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(max(LEAST, min(MOST, console.width - BESIDE))),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("elapsed"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            refresh_per_second=4,
        )

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """A bar that fills as the stage advances."""
        task = self.progress.add_task(name, total=total)
        yield lambda steps: self.progress.advance(task, steps)
        done = self.progress.tasks[self.progress.task_ids.index(task)].completed
        self.progress.update(task, total=max(done, total or 1), completed=max(done, total or 1))


class Lines:
    """Progress as lines when stderr is a file or a pipe: a start, a line every ten seconds, an end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """Lines with the steps done and the time left."""
        begun = said = self.clock()
        done = 0
        self._say(f"{name}: {f'0/{total}' if total else 'begun'}")

        def advance(steps: int) -> None:
            nonlocal done, said
            done += steps
            now = self.clock()
            if now - said < EVERY or (total is not None and done >= total):
                return
            said = now
            elapsed = f"{clock_time(now - begun)} elapsed"
            left = f", {clock_time((now - begun) / done * (total - done))} left" if total and done else ""
            self._say(f"{name}: {done}{f'/{total}' if total else ''}, {elapsed}{left}")

        yield advance
        self._say(f"{name}: done in {clock_time(self.clock() - begun)}")

    def _say(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


@contextmanager
def show_progress() -> Iterator[None]:
    """Show the progress of the block: bars on a terminal, lines elsewhere; stop on Ctrl-C or SIGTERM."""
    with watch_interrupts() as check:
        if sys.stderr.isatty():
            bars = Bars()
            with bars.progress, watching(Attentive(bars, check)):
                yield
        else:
            with watching(Attentive(Lines(sys.stderr), check)):
                yield


def clock_time(seconds: float) -> str:
    """Format seconds as minutes and seconds, with hours if needed.

    >>> clock_time(75), clock_time(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

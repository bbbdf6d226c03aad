"""Handle Ctrl-C and SIGTERM reliably.

Python drops a KeyboardInterrupt that is raised inside a destructor.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, TypeAlias

from iceb.base.progress import Advance, Watch

Handler: TypeAlias = Callable[[int, FrameType | None], Any]


class Stopped(BaseException):
    """A stop that SIGTERM asked for, raised after the pass under way.

    Like KeyboardInterrupt it is no error of the run.
    """


@contextmanager
def watch_interrupts() -> Iterator[Callable[[], None]]:
    """Record Ctrl-C and SIGTERM in the block; yield a function that raises what they ask for.

    That is KeyboardInterrupt or Stopped. Ctrl-C interrupts at once as well. SIGTERM, with which job schedulers and
    systems announce an end, waits for that function, so that what is under way is finished and kept. Python allows
    handlers in the main thread alone; in another one nothing is noted. A process that was started to ignore a signal,
    as scripts start what runs in their background with Ctrl-C ignored, goes on ignoring it.
    """
    pressed, asked = threading.Event(), threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        if asked.is_set():
            raise Stopped

    with ExitStack() as stack:
        stack.enter_context(_handler_set(signal.SIGINT, interrupt))
        stack.enter_context(_handler_set(signal.SIGTERM, lambda number, frame: asked.set()))
        yield check


@contextmanager
def _handler_set(number: signal.Signals, handler: Handler) -> Iterator[None]:
    """Handle a signal inside the block, unless it is ignored or this is not the main thread."""
    before, main = signal.getsignal(number), threading.current_thread() is threading.main_thread()
    heeded = main and before is not signal.SIG_IGN
    if heeded:
        signal.signal(number, handler)
    try:
        yield
    finally:
        if heeded:
            signal.signal(number, before)


class Attentive:
    """A progress watch that stops before a stage, or after a step, once it is asked to."""

    def __init__(self, watch: Watch, check: Callable[[], None]) -> None:
        self.watch, self.check = watch, check

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """The watch's own stage."""
        self.check()
        with self.watch.stage(name, total) as advance:

            def attentive(steps: int) -> None:
                advance(steps)
                self.check()

            yield attentive

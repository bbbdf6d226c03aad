"""Handle Ctrl-C reliably: Python drops a KeyboardInterrupt that is raised inside a destructor."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from iceb.base.progress import Advance, Watch


@contextmanager
def watch_interrupts() -> Iterator[Callable[[], None]]:
    """Record every Ctrl-C in the block; yield a function that raises KeyboardInterrupt if there was one.

    Python allows handlers in the main thread alone; in another one nothing is noted. A process that was started to
    ignore Ctrl-C, as scripts start what runs in their background, goes on ignoring it.
    """
    pressed = threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    before, main = signal.getsignal(signal.SIGINT), threading.current_thread() is threading.main_thread()
    heeded = main and before is not signal.SIG_IGN
    if heeded:
        signal.signal(signal.SIGINT, handler)
    try:
        yield check
    finally:
        if heeded:
            signal.signal(signal.SIGINT, before)


class Attentive:
    """A progress watch that stops at the next step after a Ctrl-C was swallowed."""

    def __init__(self, watch: Watch, check: Callable[[], None]) -> None:
        self.watch, self.check = watch, check

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """The watch's own stage."""
        with self.watch.stage(name, total) as advance:

            def attentive(steps: int) -> None:
                advance(steps)
                self.check()

            yield attentive

"""Context managers around third-party code: capture output, limit time, recognise Ctrl-C."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any, BinaryIO

REPEAT = 1.0  # seconds until code that caught an alarm is interrupted again
SAID = 2000  # bytes of held output that are read


class Overtime(BaseException):
    """Raised inside code whose time is over; no `except Exception` there stops it."""


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Raise Overtime inside the block after some seconds; only in the main thread, with POSIX signals.

    Args:
        seconds: how many; 0: no limit.
    """
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not able or not seconds:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Overtime

    handler = signal.signal(signal.SIGALRM, stop)
    waiting = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *waiting)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)


@contextmanager
def hold_output() -> Iterator[Callable[[], str]]:
    """Capture what the process writes to standard output and error inside the block, also from C code.

    The streams stay the objects they are, so that a log handler which is made inside works afterwards.

    Yields:
        A function that returns the beginning of the text written so far.
    """
    with ExitStack() as stack:
        held = stack.enter_context(_capture_file())
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            with suppress(OSError):  # one that is closed needs no holding
                _flush(stream)
                _redirect(stack, number, stream, held.fileno())
        yield lambda: _beginning(held)


def _redirect(stack: ExitStack, number: int, stream: Any, target: int) -> None:
    """Let a file descriptor mean `target` until the stack is left."""
    saved = os.dup(number)
    stack.callback(os.close, saved)
    os.dup2(target, number)
    stack.callback(os.dup2, saved, number)
    stack.callback(_flush, stream)


def _capture_file() -> BinaryIO:
    """An unnamed temporary file; the null device where none can be made."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")


def _beginning(held: BinaryIO) -> str:
    _flush(sys.stdout)
    _flush(sys.stderr)
    with suppress(OSError):
        held.seek(0)
        return held.read(SAID).decode("utf-8", "replace").strip()
    return ""


def _flush(stream: Any) -> None:
    with suppress(OSError, ValueError, AttributeError):
        stream.flush()


@contextmanager
def watch_interrupts() -> Iterator[threading.Event]:
    """Record Ctrl-C inside the block, to tell it from a KeyboardInterrupt that the code itself raises.

    Yields:
        An event that is set by Ctrl-C; never outside the main thread, where no handler can be set.
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.set()
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)

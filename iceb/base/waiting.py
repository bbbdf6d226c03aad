"""Wait for what may take for ever: for some seconds, shown as a stage, and heedful of a stop."""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread
from typing import Any, TypeVar

from iceb.base.progress import stage

Found = TypeVar("Found")
PATIENCE = 5.0  # seconds; a longer wait is shown, and ends when a stop is asked for
STEP = 0.5  # seconds between two looks


def wait_for(call: Callable[[], Found], seconds: float, name: str) -> Found:
    """Return what a call returns, or raise what it raises.

    It runs on a thread of its own, which goes on where the wait ends before it.

    Args:
        name: of the stage.

    Raises:
        TimeoutError: it takes longer than so many seconds.
    """
    done = Future[Found]()
    try:
        Thread(target=_carry_out, args=(call, done), name="iceb-request", daemon=True).start()
    except RuntimeError:  # the interpreter is about to end, and starts no more threads
        return call()
    wait_for_all([done], name, seconds)
    return done.result()


def wait_for_all(futures: Iterable["Future[Any]"], name: str, seconds: float = math.inf) -> None:
    """Wait until all of these are done, however they end.

    Raises:
        TimeoutError: that takes longer than so many seconds.
    """
    end = time.monotonic() + seconds
    left = wait(set(futures), min(PATIENCE, seconds)).not_done
    if not left:
        return
    with stage(name, len(left)) as advance:
        while left:
            if time.monotonic() >= end:
                raise TimeoutError(f"no answer within {seconds:.0f} seconds")
            done, left = wait(left, min(STEP, seconds), FIRST_COMPLETED)
            advance(len(done))


def _carry_out(call: Callable[[], Found], done: "Future[Found]") -> None:
    try:
        done.set_result(call())
    except BaseException as error:  # raised where it is waited for
        done.set_exception(error)

"""Run passes in parallel, each with a single thread of arithmetic.

Splitting one small matrix product over the cores spends more on waiting than on work, the more so on a busy machine,
and it makes the last bits depend on the number of threads. So every pass computes alone, and the cores take passes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Made = TypeVar("Made")
Done = TypeVar("Done")
BESIDE = 4  # threads that do a processor's part beside a GPU's passes, and passes that they hold
AHEAD = 2  # passes waiting for each worker, so that none is idle while a result is being used


@contextmanager
def single_threaded() -> Iterator[int]:
    """Run the block with one thread per operation; yield the number of threads before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


@contextmanager
def worker_threads(count: int | None) -> Iterator[None]:
    """Run the block with so many threads and parallel passes; None keeps torch's number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def parallel_map(function: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Apply `function` to each item, in order, with as many workers as torch has threads.

    What an item raises is raised here, and the passes not yet begun are dropped. Modes such as torch.inference_mode are
    each thread's own too: `function` enters them itself.
    """
    with single_threaded() as workers:
        if workers == 1:
            for item in items:
                yield _run_single_threaded(function, item)
            return
        pool = ThreadPoolExecutor(workers, thread_name_prefix="iceb")
        try:
            yield from _ordered_results(pool, function, items, AHEAD * workers)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def run_passes(device: torch.device, work: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Apply `work` to each item, in order: in parallel on a CPU, one after the other on a GPU."""
    return parallel_map(work, items) if device.type == "cpu" else map(work, items)


def run_and_finish(
    device: torch.device, work: Callable[[Item], Made], finish: Callable[[Made], Done], items: Iterable[Item]
) -> Iterator[Done]:
    """Apply `work` to each item and `finish` to what it made, in order.

    On a GPU `finish`, which must use the processor alone, runs on threads beside the `work` of the next items: it holds
    up no pass, and a few results at most wait for it. A CPU's cores have passes enough, so each finishes its own.
    """
    if device.type == "cpu":
        yield from parallel_map(lambda item: finish(work(item)), items)
        return
    with ThreadPoolExecutor(BESIDE, thread_name_prefix="iceb-beside") as pool:
        pending: deque[Future[Done]] = deque()
        for item in items:
            pending.append(pool.submit(finish, work(item)))
            if len(pending) >= BESIDE:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def prepare_and_run(
    device: torch.device, prepare: Callable[[Item], Made], work: Callable[[Made], Done], items: Iterable[Item]
) -> Iterator[Done]:
    """Apply `prepare` to each item and `work` to what it made, in order.

    On a GPU `prepare`, which must use the processor alone, runs on threads for the next items beside `work`.
    """
    if device.type == "cpu":
        yield from parallel_map(lambda item: work(prepare(item)), items)
        return
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="iceb-beside")
    try:
        pending: deque[Future[Made]] = deque()
        for item in items:
            pending.append(pool.submit(prepare, item))
            if len(pending) > AHEAD:
                yield work(pending.popleft().result())
        while pending:
            yield work(pending.popleft().result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ordered_results(
    pool: ThreadPoolExecutor, function: Callable[[Item], Made], items: Iterable[Item], most: int
) -> Iterator[Made]:
    """Results in order, with at most `most` items under way or waiting."""
    pending: deque[Future[Made]] = deque()
    for item in items:
        pending.append(pool.submit(_run_single_threaded, function, item))
        if len(pending) >= most:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _run_single_threaded(function: Callable[[Item], Made], item: Item) -> Made:
    torch.set_num_threads(1)  # the setting is each thread's own
    return function(item)

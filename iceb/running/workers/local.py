"""Workers on this machine: one process on each GPU.

On a CPU a run stays one process: its threads each take a pass, share the loaded model, and leave nothing idle.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from iceb.base.progress import stage
from iceb.running.workers.plan_file import PlannedRun, write_plan
from iceb.specs.execution import Execution

LOG = logging.getLogger("iceb")
VISIBLE = "CUDA_VISIBLE_DEVICES"
WAIT = 0.2  # seconds between two looks


def gpu_workers(execution: Execution) -> int:
    """Return the number of processes that share a run here: at most `workers`, one on each GPU.

    It is 1 on a CPU, and on a GPU that is named.
    """
    if execution.device not in ("auto", "cuda"):
        return 1
    count = torch.cuda.device_count()
    return max(min(execution.workers or count, count), 1)


def share_over_gpus(runs: Sequence[PlannedRun], out: Path, execution: Execution) -> None:
    """Have a process on each of several GPUs make its share; what fails there is left to the caller.

    Raises:
        StoreError: the folder of runs cannot be written.
    """
    count = gpu_workers(execution)
    if count > 1 and runs and all(isinstance(run.ask.method, str) for run in runs):
        work_in_processes(write_plan(runs, out), count)


def work_in_processes(plan: Path, count: int) -> None:
    """Carry out a plan with so many processes, each with a GPU of its own, and wait for them.

    An exception, as of a stop, is passed on to them, and they are waited for: each finishes its pass.
    """
    begun: list[subprocess.Popen[bytes]] = []
    try:
        with stage(f"drawing and measuring with {count} processes") as advance:
            begun += [_start(plan, index, count) for index in range(count)]
            while any(process.poll() is None for process in begun):
                time.sleep(WAIT)
                advance(0)
    finally:
        for process in begun:
            process.terminate()  # one that has ended hears nothing
        codes = [process.wait() for process in begun]
    for index, code in enumerate(codes):
        if code:
            LOG.warning("worker %d ended with exit code %d: %s says why", index, code, _log(plan, index))


def _start(plan: Path, index: int, count: int) -> "subprocess.Popen[bytes]":
    visible = os.environ.get(VISIBLE, "")
    gpus = [each for each in visible.split(",") if each] or [str(each) for each in range(count)]
    environment = {**os.environ, VISIBLE: gpus[index % len(gpus)]}
    command = [sys.executable, "-m", "iceb", "work", str(plan), "--shard", f"{index}/{count}"]
    with _log(plan, index).open("wb") as log:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _log(plan: Path, index: int) -> Path:
    return plan.with_name(f"worker-{index}.log")

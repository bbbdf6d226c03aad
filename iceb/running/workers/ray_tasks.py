"""The task that Ray's workers carry out: one job of a plan.

Plain tasks and no actors: Ray gives a task of a killed worker, or of a lost node, to whichever worker is free, while
the driver would have to place, retry and balance the calls of actors. What actors would keep, the loaded model, a
worker's process keeps here as well, for Ray hands it one task after the other.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from iceb.base.digest import digest_file
from iceb.base.errors import IcebError, SpecError
from iceb.base.files import write_atomic
from iceb.base.frames import describe
from iceb.base.messages import one_line
from iceb.running.workers.local import VISIBLE
from iceb.running.workers.plan_file import read_plan
from iceb.running.workers.ray_jobs import Job, Kind
from iceb.running.workers.run_stages import BeforeRun, EditRun
from iceb.running.workers.shares import FAILED, ShareRun, Work
from iceb.stores.damage import Damage, take_damage

BY_RAY = "ray_terminate_msg"  # of the SystemExit that Ray raises in a worker that it ends, to start its task again
STAGES: dict[Kind, type[ShareRun]] = {"edit": EditRun, "before": BeforeRun, "share": ShareRun}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job.

    Attributes:
        drawn: images.
        error: in one line; "" where there was none.
        is_made: False as well where a job that it needs was not made.
        refused: no worker of Ray can carry it out, for it does not get as far as ICEB.
        damage: stored files that it found damaged.
    """

    drawn: int = 0
    error: str = ""
    is_made: bool = True
    refused: bool = False
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True)
class Order:
    """The plan of a command, and the settings that all of its tasks share.

    Attributes:
        plan: the plan's file.
        digest: of the file; a worker refuses another one.
        cpus: threads of a task.
    """

    plan: Path
    digest: str
    cpus: int


def carry_out(order: Order, job: Job, *needed: Outcome) -> Outcome:
    """Make one job, unless one that it needs was not made.

    An error ends the job and no other, and is noted beside the plan. It is an outcome and not raised, for another
    attempt, which Ray makes for a worker that was killed, would meet it again.
    """
    if not all(each.is_made for each in needed):
        return Outcome(is_made=False)
    note = order.plan.with_name(f"{FAILED}-{job.name}.txt")
    try:
        work = _work(order, cuda_device(_gpus(), os.environ.get(VISIBLE, "")))
        drawn = work.make(STAGES[job.kind], job.run, job.shard)
    except (Exception, SystemExit) as error:  # of a method, a measure or a library
        if hasattr(error, BY_RAY):
            raise
        line = str(error) if isinstance(error, IcebError) else one_line(f"unexpected {describe(error)}")
        write_atomic(note, f"{line}\n".encode())
        return Outcome(error=line, is_made=False, damage=tuple(take_damage()))
    note.unlink(missing_ok=True)
    return Outcome(drawn, damage=tuple(take_damage()))


@lru_cache(maxsize=1)  # the model stays loaded for the tasks that this process gets next
def _work(order: Order, device: str) -> Work:
    if digest_file(order.plan) != order.digest:
        raise SpecError(f"{order.plan}: is not the plan that the command wrote: give the same command again")
    return Work(read_plan(order.plan).with_execution(device=device, workers=order.cpus), order.plan)


def _gpus() -> list[str]:
    """The GPUs that Ray has set aside for this task, by its names."""
    import ray

    found: list[str] = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return found


def cuda_device(gpus: Sequence[str], visible: str) -> str:
    """The device of a task by the GPU that Ray has set aside for it.

    A process sees all GPUs of its node (`NOSET`), for its next task may get another one, and CUDA does not look at
    CUDA_VISIBLE_DEVICES again once it has begun.

    Args:
        gpus: Ray's names; none where a task is for CPUs.
        visible: CUDA_VISIBLE_DEVICES; "" for all.

    >>> cuda_device([], ""), cuda_device(["1"], ""), cuda_device(["5"], "4,5")
    ('cpu', 'cuda:1', 'cuda:1')
    """
    if not gpus:
        return "cpu"
    names = [each for each in visible.split(",") if each]
    return f"cuda:{names.index(gpus[0]) if names else int(gpus[0])}"

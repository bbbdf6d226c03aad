"""Have Ray make what is missing of some runs: the plan's jobs become its tasks.

Ray places the tasks, makes those of a killed worker again and balances the load. It carries no data: tasks read and
write the cache, a folder that all nodes see.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from iceb.base.digest import digest_file
from iceb.base.errors import SpecError
from iceb.base.messages import quote, reason
from iceb.base.progress import stage
from iceb.running.workers.machines import warn_of_others
from iceb.running.workers.plan_file import PlannedRun, read_plan, write_plan
from iceb.running.workers.ray_jobs import Job, Needs, RunWork, cut_work
from iceb.running.workers.ray_tasks import Order, Outcome, carry_out
from iceb.running.workers.shares import FAILED, Work
from iceb.specs.execution import Execution
from iceb.stores.damage import note_damage

LOG = logging.getLogger("iceb")
WAIT = 0.5  # seconds between two looks
LOOK = 10.0  # seconds between two looks at the nodes while no task ends
PATIENCE = 600.0  # seconds in which a node may come back
RETRIES = 3  # attempts at a task whose worker was killed, after the first one
OBJECTS = 100 * 2**20  # bytes for Ray's objects where it is started here; what tasks return are a few numbers
NOSET = {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}  # see `cuda_device`
LOCAL = {"include_dashboard": False, "object_store_memory": OBJECTS}  # of a Ray that is started here
Ray: TypeAlias = Any  # the module, which has no reliable types


def import_ray() -> Ray:
    """Import Ray.

    Raises:
        SpecError: it is not installed, or cannot be imported.
    """
    try:
        import ray
    except ImportError as error:
        raise SpecError(f"`ray`: package ray cannot be imported ({error}): pip install 'iceb[ray]'") from error
    return ray


def share_on_ray(runs: Sequence[PlannedRun], out: Path, execution: Execution, address: str) -> int:
    """Have Ray's tasks make the runs, and wait for them; what fails there is left to the caller.

    Args:
        out: the folder of runs, where the plan is written.
        address: as Ray takes it: "local" starts it here, "auto" is the cluster of this node. Where the caller has
            connected to a Ray, it is that one.

    Returns:
        The number of images drawn.

    Raises:
        SpecError: Ray is not installed or cannot be reached, has no place for a task at the beginning or for ten
            minutes, or a method was given as a class or an object, which no other process can find.
        IcebError: the runs cannot be planned.
    """
    ray = import_ray()
    _refuse_numbered(execution.device)
    work = Work(read_plan(path := write_plan(runs, out)), path)
    for note in path.parent.glob(f"{FAILED}-*.txt"):
        note.unlink(missing_ok=True)
    needed = [RunWork.of(plan) for plan in work.plans()]
    on_gpus, cpus = work.shared_parts.bundle.device.type == "cuda", execution.workers or 1
    with ray_connection(ray, address):
        _refuse_unused_gpus(alive_nodes(ray), execution.device, on_gpus=on_gpus)
        places = Places(ray, cpus, on_gpus=on_gpus)
        refs = _submit(places, Order(path, digest_file(path), cpus), cut_work(needed, places.count()))
        outcomes = list(_outcomes(ray, refs, places))
    warn_of_others(path, work.shared_parts.bundle)
    refused = [each for each in outcomes if each.refused]
    if refused and not any(each.is_made for each in outcomes):
        error = refused[0].error
        raise SpecError(f"`ray`: none of its workers carried out a task ({error}): every node needs this ICEB")
    return sum(each.drawn for each in outcomes)


def _submit(places: "Places", order: Order, jobs: Needs) -> dict[Job, Any]:
    """Give jobs to Ray; returns what it calls their outcomes."""
    remote = places.ray.remote(
        num_cpus=places.cpus,
        num_gpus=int(places.on_gpus),
        max_retries=RETRIES,
        max_calls=0,  # for tasks on GPUs Ray would start a process each otherwise, which loads the model anew
        runtime_env={"env_vars": NOSET} if places.on_gpus else None,
    )(carry_out)
    refs = dict[Job, Any]()
    for job, needs in jobs.items():
        refs[job] = remote.options(name=f"iceb {job.name}").remote(order, job, *(refs[each] for each in needs))
    return refs


def _outcomes(ray: Ray, refs: Mapping[Job, Any], places: "Places") -> Iterator[Outcome]:
    """Yield outcomes as they come; what has not ended is cancelled when the caller, or the user, stops."""
    jobs = {ref: job for job, ref in refs.items()}
    pending, said = list(jobs), set[str]()
    try:
        with stage("work on Ray", len(pending)) as advance:
            while pending:
                done, pending = ray.wait(pending, num_returns=len(pending), timeout=WAIT)
                advance(len(done))
                places.look(idle=not done)
                for ref in done:
                    found = _outcome(ray, ref)
                    note_damage(found.damage)
                    if found.error and found.error not in said:  # many tasks may fail alike
                        LOG.warning("Ray's task %s failed: %s", jobs[ref].name, found.error)
                        said.add(found.error)
                    yield found
    finally:
        for ref in pending:
            ray.cancel(ref)


def _outcome(ray: Ray, ref: Any) -> Outcome:
    try:
        found: Outcome = ray.get(ref)
    except (ray.exceptions.RayTaskError, ray.exceptions.RuntimeEnvSetupError) as error:
        # no ICEB on the node, unless it is the death of a task that this one needed
        refused = not isinstance(getattr(error, "cause", None), ray.exceptions.RayError)
        return Outcome(error=reason(error, 300), is_made=False, refused=refused)
    except ray.exceptions.RayError as error:  # killed again and again
        return Outcome(error=reason(error, 300), is_made=False)
    return found


def alive_nodes(ray: Ray) -> list[Mapping[str, float]]:
    """The resources of each node that is there now."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@dataclass
class Places:
    """The places that a Ray has for tasks of one kind; nodes may go, and come back, while tasks run."""

    ray: Ray
    cpus: int
    on_gpus: bool = field(kw_only=True)
    _looked: float = field(default=float("-inf"), init=False)
    _lost: float | None = field(default=None, init=False)  # since when there is no place

    def count(self) -> int:
        """Count the tasks that can run at once now.

        Raises:
            SpecError: no node has a place for one.
        """
        return slots(alive_nodes(self.ray), self.cpus, on_gpus=self.on_gpus)

    def look(self, *, idle: bool) -> None:
        """Look whether a node is left, once in a while; Ray itself says nothing and waits for ever.

        Args:
            idle: no task has ended since the last call.

        Raises:
            SpecError: there has been none for `PATIENCE` seconds.
        """
        now = time.monotonic()
        if not idle or now - self._looked < LOOK:
            return
        self._looked = now
        try:
            self.count()
            self._lost = None
        except SpecError as error:
            if self._lost is None:
                self._lost = now
                LOG.warning("%s; %.0f minutes are waited for one to come back", error, PATIENCE / 60)
            if now - self._lost >= PATIENCE:
                raise


@contextmanager
def ray_connection(ray: Ray, address: str) -> Iterator[None]:
    """Connect to a Ray inside the block, unless the caller has; one that is started here ends with it."""
    if ray.is_initialized():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # ICEB sends nothing anywhere unasked
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **(LOCAL if address == "local" else {}))
    except Exception as error:  # its kind differs between the causes
        raise SpecError(
            f"`ray` {quote(address, 80)}: no Ray can be reached ({reason(error, 200)}): must be local, which starts "
            "one here, auto on a node of a cluster, or the address of its head"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray puts one of its own there, which ends at once
    try:
        yield
    finally:
        ray.shutdown()


def slots(nodes: Sequence[Mapping[str, float]], cpus: int, *, on_gpus: bool) -> int:
    """Count the tasks that can run at once.

    Args:
        nodes: the resources of each.

    Raises:
        SpecError: no node has a place for one.

    >>> slots([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 2.0}], 4, on_gpus=True)
    4
    """
    places = [int(node.get("CPU", 0) // cpus) for node in nodes]
    if on_gpus:
        places = [min(place, int(node.get("GPU", 0))) for place, node in zip(places, nodes, strict=True)]
    if not sum(places):
        wanted = f"{cpus} CPUs{' and a GPU' if on_gpus else ''}"
        raise SpecError(f"`ray`: no node of the cluster has {wanted} for a task: lower `workers`, or add a node")
    return sum(places)


def _refuse_numbered(device: str) -> None:
    if ":" in device:
        raise SpecError(f"`device` {device}: Ray gives each task its GPU: use `device=cuda`, or leave `ray` out")


def _refuse_unused_gpus(nodes: Sequence[Mapping[str, float]], device: str, *, on_gpus: bool) -> None:
    """Refuse a cluster's GPUs where torch finds none here.

    The command could not find what they draw, for keys name the device.
    """
    if device == "auto" and not on_gpus and any(node.get("GPU") for node in nodes):
        raise SpecError(
            "`ray`: the cluster has GPUs and torch finds none here, where the result is made: start the command on a "
            "node with such a GPU, or use `device=cpu`"
        )

"""Choose who makes what is missing of some runs before their results are written."""

from collections.abc import Sequence
from pathlib import Path

from iceb.running.workers.local import share_over_gpus
from iceb.running.workers.on_ray import share_on_ray
from iceb.running.workers.plan_file import PlannedRun
from iceb.specs.execution import Execution


def share_work(runs: Sequence[PlannedRun], out: Path, execution: Execution, ray: str | None) -> None:
    """Share runs among Ray's tasks or this machine's GPUs; what is not made there is left to the caller.

    Args:
        ray: the address of a Ray; None: without it.

    Raises:
        IcebError: as `share_on_ray` and `share_over_gpus`.
    """
    if ray is None:
        share_over_gpus(runs, out, execution)
    elif runs:
        share_on_ray(runs, out, execution, ray)

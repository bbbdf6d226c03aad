"""Share a run among several workers: write its plan, carry out shares, count what is made."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Evaluation, Place
from iceb.api.reading import Run
from iceb.api.signatures import takes

if TYPE_CHECKING:
    from iceb.running.workers.counting import WorkCount
    from iceb.running.workers.launching import Launch
    from iceb.running.workers.shares import Work


@dataclass(frozen=True, kw_only=True)
class LaunchedEvaluation(Evaluation):
    """Arguments of a run that several workers share.

    Attributes:
        launch: a TOML file that says how workers are started (docs/clusters.md).
        submit: start them now.
    """

    launch: Place
    submit: bool = False

    def __post_init__(self) -> None:
        if self.ray is not None:
            from iceb.base.errors import SpecError

            raise SpecError("`launch` and `ray`: each names those who do the work: leave one of them out")

    def evaluation(self) -> Evaluation:
        """The run without what is said of workers."""
        return Evaluation(**{each.name: getattr(self, each.name) for each in fields(Evaluation)})


@takes(LaunchedEvaluation)
def launch(asked: LaunchedEvaluation) -> "Launch":
    """Write the plan of a run and what starts its workers, as `iceb evaluate … --launch FILE` does.

    Returns:
        The plan's file, the scripts, the lines that start the workers, and the command that writes the result.

    Raises:
        IcebError: as `iceb.dry_run`; or the cluster's file is malformed, or a line that was submitted failed.
    """
    from iceb.running.plan import plan
    from iceb.running.workers.cluster_file import read_cluster
    from iceb.running.workers.launching import prepare_launch, submit
    from iceb.running.workers.plan_file import PlannedRun, write_plan

    cluster, ask = read_cluster(Path(asked.launch)), asked.evaluation().ask()
    run = PlannedRun(plan(ask).spec.id, ask)
    found = prepare_launch(cluster, write_plan([run], Path(asked.out)))
    if asked.submit:
        submit(found)
    return found


def work(plan: Place, *, shard: str | None = None) -> int:
    """Carry out one share of a plan, as `iceb work PLAN` does: edit, draw and measure.

    Args:
        plan: the file that `iceb.launch` wrote.
        shard: which share, counted from 0, as in "0/8"; None: as SLURM's job array, or RANK and WORLD_SIZE, say.

    Returns:
        The number of images drawn.

    Raises:
        SpecError: no share is named, or the plan is of another run here.
        IcebError: a run of the plan failed.
    """
    from iceb.base.errors import SpecError
    from iceb.specs.shards import Shard

    found = Shard.of_environment(os.environ) if shard is None else Shard.parse(shard)
    if found is None:
        raise SpecError(
            "`shard`: is not given, and neither SLURM_ARRAY_TASK_ID with SLURM_ARRAY_TASK_COUNT nor RANK with "
            "WORLD_SIZE is in the environment: name the share, as in `shard=0/8`"
        )
    return _work(plan).share(found)


def write_results(plan: Place) -> list[Run]:
    """Make what is missing of a plan and write its results, as `iceb work PLAN --result` does.

    Args:
        plan: the file that `iceb.launch` wrote.

    Raises:
        SpecError: the plan is of another run here.
        IcebError: a run of the plan failed.
    """
    return [Run(path, result) for result, path in _work(plan).results()]


def status(plan: Place) -> "WorkCount":
    """Count what is made of a plan, missing and failed, as `iceb status PLAN` does.

    Args:
        plan: the file that `iceb.launch` wrote.

    Raises:
        IcebError: the plan, its data or the cache cannot be read.
    """
    from iceb.running.workers.counting import count_work
    from iceb.running.workers.plan_file import read_plan

    return count_work(read_plan(Path(plan)), Path(plan))


def _work(plan: Place) -> "Work":
    from iceb.running.workers.plan_file import read_plan
    from iceb.running.workers.shares import Work

    return Work(read_plan(Path(plan)), Path(plan).absolute())

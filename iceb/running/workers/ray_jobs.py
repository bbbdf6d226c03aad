"""The jobs into which the work on a plan is cut for Ray: what each makes, and which others it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from iceb.running.edit_parts import EditParts, parts_alone
from iceb.running.planned import Plan
from iceb.specs.prompts import ImageKey
from iceb.specs.shards import Shard

Kind: TypeAlias = Literal["edit", "before", "share"]
PER_SLOT = 4  # shares of a run for each task that runs at once, so that a quick worker takes more of them
MOST_SHARES = 1000  # of one run; every task reads its plan, so that smaller ones cost more than they even out


@dataclass(frozen=True)
class Job:
    """One task of Ray.

    Attributes:
        kind: "edit" (all edits of a run; the jobs behind the first make batches of concepts for it, and end), "before"
            (a share's images by the unedited model), or "share" (its other images, and what is measured of all).
        run: its place in the plan.
    """

    kind: Kind
    run: int
    shard: Shard

    @property
    def name(self) -> str:
        """The name of the job in Ray's lists and in the note of its error."""
        return f"{self.shard.index}-of-{self.shard.count} ({self.kind} of run {self.run + 1})"


Needs: TypeAlias = Mapping[Job, tuple[Job, ...]]


@dataclass(frozen=True)
class RunWork:
    """The work that one run still has.

    Attributes:
        edit_jobs: how many jobs can make its edits together; 0 where they are in the store.
        before: the keys of images by the unedited model that are missing.
        is_made: nothing is left to draw.
    """

    edit_jobs: int
    before: frozenset[ImageKey] = frozenset()
    is_made: bool = False

    @classmethod
    def of(cls, plan: Plan) -> "RunWork":
        """The work that a plan has."""
        if not plan.has_work:
            return cls(0, is_made=True)
        generator = plan.parts.generator
        keys = generator.keys(plan.parts.bundle, plan.prompts_before, plan.spec.sampling)
        return cls(_edit_jobs(plan), frozenset(generator.images.missing(keys)))


def _edit_jobs(plan: Plan) -> int:
    """One for each batch of concepts where the method's edit has such parts, else one."""
    if plan.edits_cached:
        return 0
    parts = [EditParts(plan.parts, plan.parts.bundle, batch.requests) for batch in plan.batches] + [parts_alone(plan)]
    return max([1, *(len(each.batches) for each in parts)])


def cut_work(runs: Sequence[RunWork], slots: int) -> Needs:
    """Cut the work on some runs into jobs; each stands behind those that it needs.

    A share needs the first of its run's edit jobs, which waits for what the others make. Images before the edit need
    none, so they are drawn where a place is free while edits are made. Those that several runs read are jobs of
    the first of them alone, and so are not drawn by two tasks at once; jobs of runs that read more follow each other.

    Args:
        slots: how many tasks can run at once.
    """
    count = min(PER_SLOT * slots, MOST_SHARES)
    shards = [Shard(index, count) for index in range(count)]
    edits = [_edits(place, min(run.edit_jobs, slots)) for place, run in enumerate(runs)]
    first: dict[Job, tuple[Job, ...]] = {job: () for jobs in edits for job in jobs}
    before, shares = dict[Job, tuple[Job, ...]](), dict[Job, tuple[Job, ...]]()
    drawn: list[tuple[Job, ...]] = [()] * count  # the last job before the edit of each share
    seen = set[ImageKey]()
    for place, run in enumerate(runs):
        draws, seen = not run.before <= seen, seen | run.before
        for shard in [] if run.is_made else shards:
            if draws:
                job = Job("before", place, shard)
                before[job], drawn[shard.index] = drawn[shard.index], (job,)
            shares[Job("share", place, shard)] = (*edits[place][:1], *drawn[shard.index])
    return {**first, **before, **shares}


def _edits(place: int, count: int) -> list[Job]:
    return [Job("edit", place, Shard(index, count)) for index in range(count)]

"""The runs behind the rows on mini: what each is called, planned and repeated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from iceb import registry
from iceb.base.errors import ResultError
from iceb.leaderboard.collect import refusal
from iceb.running.plan import Ask, plan
from iceb.running.planned import Plan
from iceb.runs.folder import RESULT, read_result
from iceb.specs.recipes import Which
from iceb.specs.repeats import Repeats
from iceb.specs.tasks import Task
from iceb.tasks.aice import AICE
from tools.row_table import DRAWS, FEW, ROWS, SEEDED, SEEDS, TRAINED, counts_of, methods_of, recipes_of


@dataclass(frozen=True)
class RowRun:
    """One run of a row."""

    method: str
    num_edits: int
    which: Which | None  # which of the recipe's settings; None: there is no recipe
    task: str = AICE.name

    @property
    def repeats(self) -> Repeats:
        """The draws and seeds of the run."""
        if self.task != AICE.name:
            return Repeats()
        seeds = SEEDS if self.method in TRAINED and self.num_edits in SEEDED else 1
        return Repeats(DRAWS if self.num_edits <= FEW else 1, seeds)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `iceb` that make it, without folders."""
        each = ["evaluate", "--method", self.method, "--task", self.task, "--num-edits", str(self.num_edits)]
        each += ["--recipe", self.which] if self.which else []
        size = ROWS[self.task].images_per_pass if self.task in ROWS else None
        each += ["--images-per-pass", str(size)] if size else []
        each += ["--draws", str(self.repeats.draws)] if self.repeats.draws > 1 else []
        return each + (["--replicates", str(self.repeats.replicates)] if self.repeats.replicates > 1 else [])

    def plan(self) -> Plan:
        """Plan the run; nothing of it is kept, for a plan holds every prompt.

        Raises:
            IcebError: it cannot run.
        """
        ask = Ask(task=self.task, method=self.method, num_edits=self.num_edits, recipe=self.which, repeats=self.repeats)
        return plan(ask, may_fetch=False)

    @cached_property
    def id(self) -> str:
        """The run's id."""
        return self.plan().spec.id

    def is_done(self, out: Path) -> bool:
        """Whether a result is there that a leaderboard takes."""
        try:
            return refusal(read_result(out / self.id / RESULT)) is None
        except ResultError:  # none, or a damaged one
            return False


def row_runs(tasks: Sequence[str], methods: Sequence[str] = (), edits: Sequence[int] = ()) -> Iterator[RowRun]:
    """List every run task by task, those of AICE's published curves first.

    Args:
        tasks: names of tasks.
        methods: those to list; none for all.
        edits: numbers of edits to list; none for all.
    """
    for name in tasks:
        task: Task = registry.load("tasks", name)
        for method in methods_of(task):
            if not methods or method in methods:
                yield from (
                    RowRun(method, count, which, name)
                    for which in recipes_of(method, name)
                    for count in counts_of(task, method, which)
                    if not edits or count in edits
                )

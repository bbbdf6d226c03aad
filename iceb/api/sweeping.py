"""Run every combination of methods, tasks, numbers of edits and settings."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Place, Scope
from iceb.api.reading import Run
from iceb.api.signatures import takes
from iceb.specs.runs import Scalar

if TYPE_CHECKING:
    from iceb.running.sweeps.asked import SweepAsk

LOG = logging.getLogger("iceb")  # what happens to each cell, at the level info


@dataclass(frozen=True, kw_only=True)
class Combinations(Scope):
    """Arguments of a sweep.

    Attributes:
        methods: registered names.
        tasks: what is edited and measured.
        num_edits: how many concepts are edited at once.
        recipes: "published" and "tuned" of the recipes that ship, or files; (): as one run has it.
        settings: of each method by its name, over those of the recipe.
        budget: a time such as "2h"; `share` is then chosen so that the plan fits.
    """

    methods: Sequence[str]
    tasks: Sequence[str]
    num_edits: Sequence[int]
    recipes: Sequence[Place] = ()
    settings: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    budget: str | None = None

    def ask(self) -> "SweepAsk":
        """The sweep as the planner takes it."""
        from iceb.running.sweeps.asked import SweepAsk

        lists = tuple(self.methods), tuple(self.tasks), tuple(self.num_edits), tuple(self.recipes) or (None,)
        return SweepAsk(*lists, self.settings, self.fields())


@dataclass(frozen=True)
class Swept:
    """The outcome of a sweep.

    Attributes:
        runs: of the cells that have a result, in the order of the plan.
        failed: the errors of the others, by the cell in words.
        left_out: combinations that no method, task or data have, with the reason.
    """

    runs: tuple[Run, ...]
    failed: Mapping[str, str]
    left_out: Mapping[str, str]


@takes(Combinations)
def sweep(asked: Combinations) -> Swept:
    """Run every combination, as `iceb evaluate` does with lists; one that fails leaves the others alone.

    Cells that were finished before are taken as they are, so a call that was stopped goes on.

    Raises:
        IcebError: asked wrongly, or nothing of it can be run.
    """
    from iceb.running.shared_parts import SharedParts
    from iceb.running.sweeps.budget import budget_of
    from iceb.running.sweeps.carrying_out import Sweep
    from iceb.running.sweeps.planning import plan_sweep
    from iceb.running.sweeps.within_budget import within_budget
    from iceb.running.workers.sharing import share_work

    ask, out = asked.ask(), Path(asked.out)
    seconds = budget_of(asked.budget, ask)
    shared = SharedParts.of_model(asked.model, asked.number_format(), asked.execution())
    if seconds is not None:
        ask = within_budget(ask, shared, out, seconds, LOG.info, keep=True)
    planned = plan_sweep(ask, shared)
    found = Sweep(planned, shared, out, LOG.info)
    share_work(found.to_make(), out, asked.execution(), asked.ray)
    outcomes = found.carry_out()
    return Swept(
        tuple(Run(each.path, each.result) for each in outcomes if each.result is not None),
        {each.cell.name: each.error for each in outcomes if each.made == "failed"}
        | {each.name: each.reason for each in planned.failed},
        {each.name: each.reason for each in planned.left_out},
    )

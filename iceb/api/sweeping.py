"""Run every combination of methods, tasks, numbers of edits and settings."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Computing, Drawing, Evaluation, Place, command_of, path_or_none
from iceb.api.reading import Run
from iceb.api.signatures import takes
from iceb.specs.runs import Scalar

if TYPE_CHECKING:
    from iceb.running.plan import Ask
    from iceb.running.sweeps.asked import SweepAsk

LOG = logging.getLogger("iceb")  # what happens to each cell, at the level info


@dataclass(frozen=True, kw_only=True)
class Combinations(Drawing, Computing):
    """Arguments of a sweep.

    Attributes:
        methods: registered names.
        tasks: what is edited and measured.
        num_edits: how many concepts are edited at once.
        recipes: "published" and "tuned" of the recipes that ship, or files; (): as one run has it.
        settings: of each method by its name, over those of the recipe.
        model: "mini", "sd14", "sd15", "sd21", "sdxl", or a folder.
        draws: disjoint sets of concepts, each edited alone; scores are pooled.
        replicates: training seeds with which each set is edited; scores are pooled.
        data: "embedded", "upstream" or a folder; None: embedded on mini, upstream elsewhere.
        metrics: beside the tasks' own.
        with_tasks: other tasks' shared prompts and metrics as well, "preservation=500".
        limit: prompts per role, evenly over concepts; results are then partial.
        share: the part of the images or concepts to draw, at random, above 0 and below 1; likewise partial.
        budget: a time such as "2h"; `share` is then chosen so that the plan fits.
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.
        out: the folder of runs.
    """

    methods: Sequence[str]
    tasks: Sequence[str]
    num_edits: Sequence[int]
    recipes: Sequence[Place] = ()
    settings: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    model: str = "mini"
    draws: int = 1
    replicates: int = 1
    data: str | None = None
    metrics: Sequence[str] = ()
    with_tasks: Sequence[str] = ()
    limit: int | None = None
    share: float | None = None
    budget: str | None = None
    cache: Place | None = None
    out: Place = "runs"

    def ask(self) -> "SweepAsk":
        """The sweep as the planner takes it."""
        from iceb.running.sweeps.asked import SweepAsk
        from iceb.specs.repeats import Repeats

        common = {
            "model": self.model,
            "data": self.data,
            "metrics": tuple(self.metrics),
            "with_tasks": tuple(self.with_tasks),
            "sampling": self.sampling(),
            "limit": self.limit,
            "share": self.share,
            "dtype": self.number_format(),
            "execution": self.execution(),
            "cache": path_or_none(self.cache),
            "repeats": Repeats(self.draws, self.replicates),
        }
        lists = tuple(self.methods), tuple(self.tasks), tuple(self.num_edits), tuple(self.recipes) or (None,)
        return SweepAsk(*lists, self.settings, common, self._command)

    def _command(self, ask: "Ask") -> tuple[str, ...]:
        """The command that makes one cell alone."""
        own = {name: value for name, value in vars(self).items() if name in Evaluation.__dataclass_fields__}
        alone = Evaluation(**{**own, "settings": ask.settings, "share": ask.share, "num_edits": ask.num_edits})
        return command_of("evaluate", replace(alone, method=ask.method, task=ask.task, recipe=ask.recipe))


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

    ask, out = asked.ask(), Path(asked.out)
    seconds = budget_of(asked.budget, ask)
    shared = SharedParts.of_model(asked.model, asked.number_format(), asked.execution())
    if seconds is not None:
        ask = within_budget(ask, shared, out, seconds, LOG.info, keep=True)
    planned = plan_sweep(ask, shared)
    outcomes = Sweep(planned, shared, out, LOG.info).carry_out()
    return Swept(
        tuple(Run(each.path, each.result) for each in outcomes if each.result is not None),
        {each.cell.name: each.error for each in outcomes if each.made == "failed"}
        | {each.name: each.reason for each in planned.failed},
        {each.name: each.reason for each in planned.left_out},
    )

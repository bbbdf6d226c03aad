"""Lines and documents that the plan and the report of a sweep have in common."""

from typing import TYPE_CHECKING, Any

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.running.sweeps.planning import SweepPlan


def heading(planned: "SweepPlan") -> list[str]:
    """Say how many cells there are, and what is left out."""
    left = f", {len(planned.left_out)} left out" if planned.left_out else ""
    lines = [f"sweep of {count_text(len(planned.cells), 'cell')}{left}"]
    return lines + [f"left out: {each.name}: {each.reason}" for each in planned.left_out]


def left_out_documents(planned: "SweepPlan") -> list[dict[str, Any]]:
    """Combinations that are left out, for JSON."""
    return [{**combination(each.ask), "reason": with_options(each.reason)} for each in planned.left_out]


def combination(ask: Any) -> dict[str, Any]:
    """The values of a combination, for JSON."""
    recipe = None if ask.recipe is None else str(ask.recipe)
    return {"method": ask.method, "task": ask.task, "num_edits": ask.num_edits, "recipe": recipe}

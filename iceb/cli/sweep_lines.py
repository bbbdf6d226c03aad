"""Lines and documents that the plan and the report of a sweep have in common."""

from typing import TYPE_CHECKING, Any

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.running.sweeps.planning import SweepPlan

FAILED = 1  # the exit code where a cell failed


def heading(planned: "SweepPlan") -> list[str]:
    """Say how many cells there are, and what is left out or fails."""
    parts = {"left out": planned.left_out, "failed": planned.failed}
    counts = "".join(f", {len(found)} {word}" for word, found in parts.items() if found)
    lines = [f"sweep of {count_text(len(planned.cells), 'cell')}{counts}"]
    return lines + [f"{word}: {each.name}: {each.reason}" for word, found in parts.items() for each in found]


def not_run_documents(planned: "SweepPlan") -> dict[str, list[dict[str, Any]]]:
    """Combinations that are left out, and those whose data cannot be read, for JSON."""
    return {
        word: [{**combination(each.ask), "reason": with_options(each.reason)} for each in found]
        for word, found in (("left_out", planned.left_out), ("failed", planned.failed))
    }


def combination(ask: Any) -> dict[str, Any]:
    """The values of a combination, for JSON."""
    recipe = None if ask.recipe is None else str(ask.recipe)
    return {"method": ask.method, "task": ask.task, "num_edits": ask.num_edits, "recipe": recipe}

"""`iceb plan`: compute how many concepts or seeds a comparison needs, or what runs cost."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.wording import count_text, edits_text
from iceb.cli.options import expand_groups
from iceb.cli.plan_cost import CostOptions

if TYPE_CHECKING:
    from iceb.leaderboard.planning import PairPlan

DEFAULT = Path("leaderboards")


@expand_groups
def plan(
    *,
    pilots: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN...]", help="Runs to take the variance from, instead of a task.")
    ] = None,
    detect: Annotated[float, typer.Option(help="The difference to detect, in the metric's unit.")] = 0.03,
    task: Annotated[str, typer.Option(help="Take the variance from this task's leaderboard.")] = "aice",
    method: Annotated[str | None, typer.Option(help="Only comparisons with this method. Default: all pairs.")] = None,
    metric: Annotated[str | None, typer.Option(help="The metric. Default: the task's headline metric.")] = None,
    num_edits: Annotated[
        int | None, typer.Option(help="The number of edits of the results used. Default: the largest one.")
    ] = None,
    power: Annotated[float, typer.Option(help="The probability of detecting it.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="The level of the test.")] = 0.05,
    folder: Annotated[Path, typer.Option(help="The leaderboards folder.")] = DEFAULT,
    costing: CostOptions,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON on stdout, nothing else.")] = False,
) -> None:
    """Say how many concepts or seeds a comparison needs.

    That is, to detect a difference between two methods by a paired test, given the variance of results that are there.
    With --cost: arithmetic, GPU-hours, memory, disk and money of runs, counted from the shapes of a model.
    """
    if costing.cost:
        return costing.print_costs(task, method, as_json=as_json)
    from iceb.api.comparing import plan as plan_pairs
    from iceb.registry import load

    asked: dict[str, Any] = {"task": task, "method": method, "metric": metric, "num_edits": num_edits, "folder": folder}
    plans = plan_pairs(pilots or [], detect=detect, power=power, alpha=alpha, **asked)
    named = metric or load("tasks", plans[0].first.task.name).headline
    if as_json:
        return typer.echo(json.dumps([_document(each) for each in plans], indent=2, ensure_ascii=False))
    return typer.echo("\n".join(_lines(plans, named, detect, power, alpha)))


def _document(found: "PairPlan") -> dict[str, Any]:
    return {
        "first": found.first.id,
        "second": found.second.id,
        "variance": {
            "concept": found.variance.concept,
            "seed": found.variance.seed,
            "fixed": found.variance.fixed,
        },
        "pilot": {"concepts": found.concepts, "seeds": found.seeds, "detects": found.seen},
        "concepts_needed": found.needed,
        "seeds_needed": found.needed_seeds,
    }


def _lines(plans: "list[PairPlan]", metric: str, detect: float, power: float, alpha: float) -> list[str]:
    from iceb.leaderboard.finding import row_name

    pilot = plans[0].first
    middle = plans[(len(plans) - 1) // 2]
    lines = [
        f"To see a difference of {abs(detect):g} in {metric} ({pilot.task.name}) with probability {power:g} "
        f"in a paired test at level {alpha:g}",
        f"by the variance of {count_text(len(plans), 'pair')} of results at "
        f"{edits_text(pilot.num_edits, pilot.draws)}:",
    ]
    for word, each in (("easiest pair", plans[0]), ("middle pair", middle), ("hardest pair", plans[-1])):
        needed = _count_text(each.needed, "concept")
        seeds = _count_text(each.needed_seeds, "seed")
        lines += [
            f"  {word:<13} {row_name(each.first)} and {row_name(each.second)}",
            f"      {needed} with {count_text(each.seeds, 'seed')}; {seeds} with "
            f"{count_text(each.concepts, 'concept')}; as they are they see {each.seen:.3f}",
        ]
    if any(each.needed is None for each in plans):
        lines.append("  no number: prompts that every number of edits shares, or seeds, scatter too much for it")
    return lines


def _count_text(number: int | None, noun: str) -> str:
    return f"no number of {noun}s" if number is None else count_text(number, noun)

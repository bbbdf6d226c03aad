"""Compare two results, and plan how many concepts or seeds a comparison needs; no torch is imported."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Place
from iceb.api.reading import Run, RunLike, path_of
from iceb.base.errors import SpecError
from iceb.runs.listing import ListedRun

if TYPE_CHECKING:
    from iceb.leaderboard.compared import Comparison
    from iceb.leaderboard.filed_result import FiledResult
    from iceb.leaderboard.planning import PairPlan

LEADERBOARDS = "leaderboards"


def compare(
    first: RunLike,
    second: RunLike,
    *,
    folder: Place = LEADERBOARDS,
    task: str = "aice",
    num_edits: int | None = None,
) -> "Comparison":
    """Compare two results on the same prompts and seeds, metric by metric, as `iceb compare` does.

    Differences are second minus first, in the metric's unit, with 95 % intervals, p-values and Holm's over all metrics;
    `frame()` of what is returned is the table.

    Args:
        first, second: runs, their folders, files of results, or rows of a leaderboard by name: "uce".
        folder: the leaderboards folder that rows are taken from.
        task: of rows.
        num_edits: of rows; None for the largest that both have.

    Raises:
        ResultError: there is no such result, or the two are not of the same task, data, prompts, model and sampling.
    """
    from iceb.leaderboard import comparison, finding

    names = [_name_of(each) for each in (first, second)]
    one, other = finding.find_results(names, Path(folder), task, num_edits)
    return comparison.compare(one, other, _request_names(one))


def _name_of(run: RunLike) -> str:
    return str(path_of(run)) if isinstance(run, Run | ListedRun) else str(run)


def _request_names(filed: "FiledResult") -> Mapping[str, str]:
    """Source and destinations of each request, by its id."""
    from iceb.leaderboard.row_clusters import requests_of
    from iceb.runs.folder import read_requests

    requests = read_requests(filed.path.parent) or requests_of(filed.result)
    return {name: each.in_words for name, each in requests.items()}


def plan(
    pilots: Sequence[RunLike] = (),
    *,
    detect: float = 0.03,
    task: str = "aice",
    method: str | None = None,
    metric: str | None = None,
    num_edits: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    folder: Place = LEADERBOARDS,
) -> "list[PairPlan]":
    """Plan how many concepts or seeds show a difference between two methods, as `iceb plan` does.

    Args:
        pilots: two or more runs to take the variance from; () for a task's leaderboard.
        detect: the difference to see, in the metric's unit.
        task: whose leaderboard gives the variance.
        method: only pairs with this method.
        metric: None for the task's headline.
        num_edits: of those results; None for the largest.
        power: the probability with which the difference is to be seen.
        alpha: the level of the test.
        folder: the leaderboards folder.

    Returns:
        A plan of each pair of results, those that need most concepts last: `needed` concepts with the `seeds` that the
        results have, `needed_seeds` with their `concepts` (None where no number does), and what they see as they are.

    Raises:
        SpecError: a number out of range.
        ResultError: fewer than two results with that metric and an error.
    """
    from iceb.leaderboard.planning import plan_pairs
    from iceb.leaderboard.planning_pilots import pilots_of

    _check(detect, power, alpha)
    found = pilots_of([path_of(each) for each in pilots], Path(folder), task, num_edits)
    named = metric or headline_of(found[0])
    return plan_pairs(found, named, detect, alpha=alpha, power=power, method=method or "")


def headline_of(filed: "FiledResult") -> str:
    """The headline metric of a result's task; its first metric where the task is not installed."""
    from iceb.registry import load

    try:
        return str(load("tasks", filed.result.task.name).headline)
    except SpecError:
        return filed.result.scores[0].metric if filed.result.scores else ""


def _check(detect: float, power: float, alpha: float) -> None:
    if not 0 < abs(detect) < float("inf"):
        raise SpecError(f"`detect` {detect:g}: must be a finite difference other than 0")
    for name, number in (("power", power), ("alpha", alpha)):
        if not 0 < number < 1:
            raise SpecError(f"`{name}` {number:g}: must be between 0 and 1")
    if power <= alpha:
        raise SpecError(f"`power` {power:g}: must be above `alpha` {alpha:g}, which chance alone gives")

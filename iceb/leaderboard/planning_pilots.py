"""Choose the results from which a plan takes the variance of a comparison."""

from collections.abc import Sequence
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.leaderboard.filed_result import FiledResult, read_filed
from iceb.leaderboard.pages import results_folder
from iceb.runs.folder import read_result


def pilots_of(paths: Sequence[Path], folder: Path, task: str, num_edits: int | None) -> list[FiledResult]:
    """The named runs; without any, a task's results on a leaderboard at one number of edits.

    Raises:
        ResultError: fewer than two.
    """
    if paths:
        if len(paths) < 2:
            raise ResultError(f"{paths[0]}: a paired difference needs two runs: name another")
        return [read_filed(path) for path in paths]
    found = {path: read_result(path) for path in sorted((results_folder(folder) / task).rglob("*.json"))}
    counts = sorted({result.num_edits for result in found.values()})
    chosen = num_edits if num_edits is not None else max(counts, default=0)
    here = [path for path, result in found.items() if result.num_edits == chosen]
    if len(here) < 2:
        has = f"it has some at {', '.join(map(str, counts))}" if counts else "it has none"
        raise ResultError(
            f"fewer than two results of task {task} at {chosen} edits below {folder} ({has}): name another `task` or "
            "`num_edits`, or two runs"
        )
    return [read_filed(path) for path in here]

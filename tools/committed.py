"""The committed results, read and computed again once in a process."""

from functools import cache
from pathlib import Path

from iceb.leaderboard.collect import collect_filed
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.pages import results_folder
from iceb.specs.results import Result

LEADERBOARDS = Path(__file__).parents[1] / "leaderboards"


@cache
def committed_files() -> tuple[FiledResult, ...]:
    """Every committed result with its table, which makes every number of it.

    Raises:
        ResultError: as `collect_filed`; nothing is kept then, and each test that asks fails.
    """
    return tuple(collect_filed(results_folder(LEADERBOARDS)))


def committed_results() -> list[Result]:
    """The results alone."""
    return [filed.result for filed in committed_files()]

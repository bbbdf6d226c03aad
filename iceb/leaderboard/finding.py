"""Find the results that a comparison names: run folders, files, or rows of a leaderboard."""

from collections.abc import Sequence
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.base.suggestions import unknown
from iceb.leaderboard.cells import cell, setting
from iceb.leaderboard.filed_result import FiledResult, read_filed
from iceb.leaderboard.pages import results_folder
from iceb.leaderboard.settings_diff import named_settings
from iceb.runs.folder import read_result
from iceb.specs.results import Result


def find_results(names: Sequence[str], folder: Path, task: str, num_edits: int | None) -> list[FiledResult]:
    """The result of each name: a path, or a row of the leaderboard of a task.

    Args:
        num_edits: of rows; None for the largest at which every named row has a result.

    Raises:
        ResultError: there is none, or several rows have the name.
    """
    rows = {name: rows_named(name, folder, task) for name in names if not Path(name).exists()}
    if rows and num_edits is None:
        shared = set.intersection(*({result.num_edits for _, result in found} for found in rows.values()))
        if not shared:
            raise ResultError(f"{' and '.join(map(repr, rows))} have no number of edits in common: name run folders")
        num_edits = max(shared)
    return [
        read_filed(_path_of_row(name, rows[name], num_edits or 0) if name in rows else Path(name)) for name in names
    ]


def rows_named(name: str, folder: Path, task: str) -> list[tuple[Path, Result]]:
    """The results of a task whose method, or whose row's label, has this name.

    Raises:
        ResultError: there is none.
    """
    found = [(path, read_result(path)) for path in sorted((results_folder(folder) / task).rglob("*.json"))]
    named = [(path, result) for path, result in found if name in (result.method.name, row_name(result))]
    if not named:
        known = [row_name(result) for _, result in found]
        raise ResultError(unknown(f"run, and row of task {task} in {folder},", name, known))
    return named


def row_name(result: Result) -> str:
    """A row's name on its leaderboard: "emcid, tuned for mini with MEMIT's residual"."""
    return named_settings(result).label(result.method.name)


def _path_of_row(name: str, rows: Sequence[tuple[Path, Result]], num_edits: int) -> Path:
    here = [(path, result) for path, result in rows if result.num_edits == num_edits]
    settings = {setting(result) for _, result in here}
    if len(settings) > 1:
        labels = "; ".join(dict.fromkeys(row_name(result) for _, result in here))
        raise ResultError(f"{name!r} names several rows at {num_edits} edits: choose one of {labels}")
    if not here:
        counts = ", ".join(map(str, sorted({result.num_edits for _, result in rows})))
        raise ResultError(f"{name!r} has no result at {num_edits} edits: it has {counts}")
    first = cell(result for _, result in here).first
    return next(path for path, result in here if result is first)

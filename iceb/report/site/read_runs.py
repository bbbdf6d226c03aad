"""Read the runs of a report: run folders, folders of runs, and results as a leaderboard keeps them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iceb.base.errors import IcebError, ResultError
from iceb.leaderboard.filed_result import SUFFIX, table_beside
from iceb.runs.folder import RESULT, folders_with, read_requests, read_result
from iceb.runs.ledger import LEDGER, ImageRow, read_ledger
from iceb.runs.table import TableRow, read_table
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result


@dataclass(frozen=True)
class ReadRun:
    """One finished run.

    Attributes:
        path: of its result's file.
        table: the statistics behind its scores; none where nothing was scored.
        ledger: its images; none of a result on a leaderboard, which keeps no images.
        requests: by id; none of a result on a leaderboard.
    """

    path: Path
    result: Result
    table: tuple[TableRow, ...]
    ledger: tuple[ImageRow, ...] = ()
    requests: Mapping[str, EditRequest] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """A run that the report cannot show, and why."""

    path: Path
    reason: str


def read_runs(named: Sequence[Path]) -> tuple[list[ReadRun], list[LeftOut]]:
    """Read every run below some folders, sorted by path, and list those that failed or are damaged.

    Raises:
        ResultError: a folder or file is not there, or there is no run at all.
    """
    found: list[ReadRun] = []
    left: list[LeftOut] = []
    for path in _result_files(named):
        try:
            result = read_result(path)
            if result.status == "failed":
                left.append(LeftOut(path, f"the run failed ({result.error})"))
            else:
                found.append(_read(path, result))
        except IcebError as error:
            left.append(LeftOut(path, str(error)))
    if not found:
        reasons = f": {left[0].path}: {left[0].reason}" if left else ""
        raise ResultError(f"no finished run in {', '.join(map(str, named))}{reasons}: name folders that runs wrote")
    return found, left


def _read(path: Path, result: Result) -> ReadRun:
    table = read_table(table_beside(path), result.per_concept) if result.per_concept else []
    if path.name != RESULT or not (path.parent / LEDGER).exists():
        return ReadRun(path, result, tuple(table))
    rows = read_ledger(path.parent, result.images) if result.images else []
    return ReadRun(path, result, tuple(table), tuple(rows), read_requests(path.parent))


def _result_files(named: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of results below what was named, each once.

    Raises:
        ResultError: something named is not there.
    """
    seen: set[Path] = set()
    for path in named:
        if not path.exists():
            raise ResultError(f"{path} is not there: name a run's folder, a folder of runs, or a result.json")
        for each in _below(path) if path.is_dir() else [path]:
            if each.resolve() not in seen:
                seen.add(each.resolve())
                yield each


def _below(folder: Path) -> list[Path]:
    """List the results in a folder: those of runs, and a leaderboard's, with their table beside them."""
    runs = [place / RESULT for place in folders_with([folder], RESULT)]
    filed = [path for path in sorted(folder.rglob("*.json")) if path.name != RESULT]
    return [*runs, *(path for path in filed if path.with_suffix(SUFFIX).exists())]

"""Read a result and its table from disk: from a run's folder, a submitted file, or a leaderboard."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.base.readers import is_folder, read_text
from iceb.leaderboard.recompute import problems
from iceb.leaderboard.reduced import reduce_again
from iceb.runs.folder import REMEDY, RESULT
from iceb.runs.table import TABLE, TableRow, checked_table, read_table_file
from iceb.specs.results import Result

SUFFIX = ".parquet"
MOST_TOLD = 3  # problems of one file that a message lists
UNDO = "restore the file if it was edited; if the code that scores was, see CONTRIBUTING.md, Change a formula"


@dataclass(frozen=True)
class FiledResult:
    """A result whose scores agree with those recomputed from its table.

    Attributes:
        path: of the result's file.
        text: of that file, as it stands there, or as today's reduction makes it.
        table: the bytes of the table's file.
        rows: what it holds.
    """

    path: Path
    result: Result
    text: str
    table: bytes
    rows: tuple[TableRow, ...]


def tables_of(found: Iterable[FiledResult]) -> dict[str, tuple[TableRow, ...]]:
    """The results' tables, by their digests."""
    return {filed.result.per_concept.sha256: filed.rows for filed in found if filed.result.per_concept is not None}


def table_beside(path: Path) -> Path:
    """Return the path of a result's table: per_concept.parquet in a run's folder, its name elsewhere.

    >>> table_beside(Path("runs/a/result.json")).as_posix(), table_beside(Path("a/0010-12345678.r2.json")).as_posix()
    ('runs/a/per_concept.parquet', 'a/0010-12345678.r2.parquet')
    """
    return path.with_name(TABLE) if path.name == RESULT else path.with_suffix(SUFFIX)


def read_result_text(named: Path) -> tuple[Path, str, Result]:
    """Read a result, given its file or its run's folder; return its path, text and content.

    Raises:
        ResultError: it is missing, malformed, or of an unknown schema.
    """
    path = named / RESULT if is_folder(named) else named
    text = read_text(path, ResultError, REMEDY)
    return path, text, Result.from_json(text, str(path))


def read_unchecked(named: Path) -> FiledResult:
    """Read a result with its table, as both stand there.

    Raises:
        ResultError: a file is missing or malformed, or the table is not the one the result names.
    """
    path, text, result = read_result_text(named)
    if result.per_concept is None:
        raise ResultError(f"{path}: names no table of per-concept statistics, so no score can be computed again")
    beside = table_beside(path)
    table = read_table_file(beside)
    return FiledResult(path, result, text, table, tuple(checked_table(table, result.per_concept, str(beside))))


def read_filed(named: Path) -> FiledResult:
    """Read a result with its table and recompute every score; of an older reduction, make them by today's.

    Raises:
        ResultError: a file is missing or malformed, the table is not the one the result names, or a number in the
            result is not the one that the table makes.
    """
    filed = read_unchecked(named)
    if found := problems(filed.result, filed.rows):
        more = f" (and {len(found) - MOST_TOLD} more)" if len(found) > MOST_TOLD else ""
        raise ResultError(f"{filed.path}: {'; '.join(found[:MOST_TOLD])}{more}: {UNDO}")
    made = reduce_again(filed.result, filed.rows)
    return filed if made is filed.result else replace(filed, result=made, text=made.to_json())

"""Read and check result files; refuse those that may not be ranked, with the reason."""

import re
from collections.abc import Sequence
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.leaderboard.coverage import check_coverage
from iceb.leaderboard.degenerate_counts import lacks_counts
from iceb.leaderboard.filed_result import SUFFIX, FiledResult, read_filed, table_beside
from iceb.leaderboard.same_data import check_same_data
from iceb.runs.retained import names_in_words
from iceb.specs.outside import UNREGISTERED
from iceb.specs.results import Result

REPRODUCTION = re.compile(r"(?P<id>.+)\.r(?P<number>[2-9]|[1-9][0-9]+)")  # "0300-3f9c0a1b.r2": the second run of it


def refusal(result: Result) -> str | None:
    """Return why a result may not be on a leaderboard; None if it may."""
    if result.status == "failed":
        return f"the run failed ({result.error}): run it again to the end"
    if result.outside is not None and result.outside.own_requests:
        return "it is of somebody's own requests, and compares with no other row"
    if result.status == "partial":
        return _partial(result)
    if result.method.package == UNREGISTERED:
        return "no package registers its method, so nobody else can run it: give it an entry point, and run it again"
    if result.provenance.dirty:
        return "it was made from uncommitted code (dirty: true): commit, and run it again"
    if changed := [plugin.package for plugin in result.plugins if plugin.dirty]:
        return f"it was made from uncommitted code of {', '.join(changed)} (dirty: true): commit it, and run it again"
    if result.method.retained_scored:
        names = names_in_words(result.method.retained_scored)
        return f"what it retains names {names}: leave them out, and run it again"
    if all(score.value is None for score in result.scores):
        return "no metric has a value"
    if lacks_counts(result):
        return (
            "it does not say how many of its images are degenerate, which every run counts: run it again; what is in "
            "the cache is not drawn anew"
        )
    return None


def _partial(result: Result) -> str:
    """Return why a result is partial, and what to do."""
    if result.outside is not None and result.outside.missing:
        return (
            f"it is partial: {len(result.outside.missing)} images were not handed in; score it again with all of them"
        )
    if result.share is not None:
        return f"the run is partial (`share` {result.share:g} of its prompts): run it again without `share`"
    return f"the run is partial (`limit` {result.limit}): run it again without `limit`"


def accept(filed: FiledResult) -> FiledResult:
    """Return the result unless it is refused.

    Raises:
        ResultError: it may not stand on a table; the message says why and what to do.
    """
    reason = refusal(filed.result)
    if reason is not None:
        raise ResultError(f"{filed.path} cannot stand on a leaderboard: {reason}")
    return filed


def place(result: Result, number: int = 1) -> Path:
    """Return a result's path below leaderboards/results: its id, with a number for a later run.

    >>> REPRODUCTION.fullmatch("0300-3f9c0a1b.r2")["id"], REPRODUCTION.fullmatch("0300-3f9c0a1b.r1")
    ('0300-3f9c0a1b', None)
    """
    return Path(f"{result.id}.json" if number == 1 else f"{result.id}.r{number}.json")


def collect(folder: Path) -> list[Result]:
    """Read all results below `folder`, sorted by id; see `collect_filed`."""
    return [filed.result for filed in collect_filed(folder)]


def collect_filed(folder: Path) -> list[FiledResult]:
    """Read all results below `folder` with their tables, sorted by id, and recompute every score.

    Raises:
        ResultError: a file is malformed, refused, not where its id says, a copy of another, holds a number that its
            table does not make, has other prompts or requests than others, or leaves out concepts that they have.
    """
    found = [_in_place(accept(read_filed(path)), folder) for path in sorted(folder.rglob("*.json"))]
    _refuse_copies(found)
    check_same_data(found)
    check_coverage(found)
    tables = {table_beside(filed.path) for filed in found}
    if left_over := [path for path in sorted(folder.rglob(f"*{SUFFIX}")) if path not in tables]:
        raise ResultError(f"{left_over[0]}: belongs to no result: remove it, or add the result it belongs to")
    return sorted(found, key=lambda filed: (filed.result.id, filed.path))


def _in_place(filed: FiledResult, folder: Path) -> FiledResult:
    expected = place(filed.result)
    found = filed.path.relative_to(folder)
    numbered = REPRODUCTION.fullmatch(found.stem)
    if found != expected and not (numbered and found.parent == expected.parent and numbered["id"] == expected.stem):
        raise ResultError(
            f"{filed.path}: its id is {filed.result.id}: move it to {folder / expected} with its table, or use `add`"
        )
    return filed


def _refuse_copies(found: Sequence[FiledResult]) -> None:
    for index, filed in enumerate(found):
        for earlier in found[:index]:
            if same_run(filed.result, earlier.result):
                raise ResultError(f"{filed.path} is a copy of {earlier.path}, no other run of it: remove one of them")


def same_run(first: Result, second: Result) -> bool:
    """Whether two files are of one run, whatever metrics were added later."""
    return first.id == second.id and first.provenance == second.provenance

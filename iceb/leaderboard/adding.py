"""Add runs' results with their tables to a leaderboards folder: all of them, or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.leaderboard.cells import is_uncached, setting
from iceb.leaderboard.collect import accept, collect_filed, place, refusal, same_run
from iceb.leaderboard.coverage import check_coverage
from iceb.leaderboard.filed_result import FiledResult, read_filed, read_result_text, table_beside, tables_of
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.pages import RESULTS, render_pages, results_folder, write
from iceb.leaderboard.same_data import check_same_data
from iceb.specs.results import Result
from iceb.specs.tasks import Task


@dataclass(frozen=True)
class AddedResults:
    """The results that were added to a leaderboards folder."""

    results: tuple[Path, ...]  # path of each result
    skipped: tuple[str, ...]  # why others were left out, a line each
    pages: tuple[Path, ...]  # pages that changed


@dataclass
class _Board:
    """The results of a folder, and those to add."""

    folder: Path
    standing: dict[Path, Result]
    placed: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    new: dict[Path, FiledResult] = field(default_factory=dict)

    def enter(self, filed: FiledResult) -> None:
        """Choose a result's file: its own, that of the run before a metric was added, or a numbered one."""
        result = filed.result
        same = next((path for path, other in self.standing.items() if same_run(other, result)), None)
        if same is not None:
            self._again(same, filed)
        elif not is_uncached(result) and any(_one_cell(each, result) for each in self.standing.values()):
            self._skip(
                filed, "it took images or edits from a cache, so it reproduces nothing: give it an empty `cache`"
            )
        else:
            self._put(self._free(result), filed)

    def _again(self, path: Path, filed: FiledResult) -> None:
        standing = self.standing[path]
        known, named = ({score.metric for score in each.scores} for each in (standing, filed.result))
        if other := [
            score.metric for score in filed.result.scores if standing.score(score.metric) not in (None, score)
        ]:
            raise ResultError(
                f"{filed.path} says it is the run of {path} and has another score of metric {other[0]}: a run has one "
                "outcome, so one of the two was changed"
            )
        if known <= named and filed.result != standing:
            self._put(path, filed)
        elif known <= named:
            self.placed.append(path)
        else:
            self._skip(filed, f"{path} is the same run and has more metrics ({', '.join(sorted(known - named))})")

    def _put(self, path: Path, filed: FiledResult) -> None:
        self.placed.append(path)
        self.new[path] = filed
        self.standing[path] = filed.result

    def _skip(self, filed: FiledResult, why: str) -> None:
        self.skipped.append(f"skipped {filed.path}: {why}")

    def _free(self, result: Result) -> Path:
        number = 1
        while (path := self.folder / place(result, number)) in self.standing:
            number += 1
        return path


def _one_cell(first: Result, second: Result) -> bool:
    """Whether two results belong to one cell, so that their numbers must agree."""
    return (Identity.of(first), setting(first), first.num_edits) == (
        Identity.of(second),
        setting(second),
        second.num_edits,
    )


def add_all(
    folder: Path, sources: Sequence[Path], task_named: Callable[[str], Task], *, new: bool = False
) -> AddedResults:
    """Copy runs' results and tables into `folder`/results and write the pages, or change nothing.

    Of several results the unfinished and the partial ones are left out. Adding one again changes nothing; another run
    of one that stands there is kept beside it, if its numbers agree.

    Args:
        new: make the folder where there is none.

    Raises:
        ResultError: one is malformed or may not stand on a table, a number is not the one that its table makes, another
            run of it came out differently, it has other prompts or requests than other results, it leaves out concepts
            that they have, or none is left.
        StoreError: the folder cannot be written.
    """
    results = folder / RESULTS if new else results_folder(folder)
    unfit = _unfit(sources) if len(sources) > 1 else {}
    standing = collect_filed(results)
    board = _Board(results, {filed.path: filed.result for filed in standing})
    board.skipped += [f"skipped {source}: {why}" for source, why in unfit.items()]
    for source in sources:
        if source not in unfit:
            board.enter(accept(read_filed(source)))
    if not board.placed:
        raise ResultError(f"nothing to add: {'; '.join(line.removeprefix('skipped ') for line in board.skipped)}")
    found = [*(filed for filed in standing if filed.path not in board.new), *board.new.values()]
    check_same_data(found)
    check_coverage(found)
    texts = render_pages(folder, task_named, tuple(board.standing.values()), per_concept=tables_of(found))
    files = {path: data for target, filed in board.new.items() for path, data in _files(target, filed).items()}
    with undo_on_error(files):
        for path, data in files.items():
            write_atomic(path, data)
        changed = write(folder, texts)
    return AddedResults(tuple(board.placed), tuple(board.skipped), tuple(changed))


def _unfit(sources: Sequence[Path]) -> dict[Path, str]:
    """Find failed and partial runs, with the reason; among several they are left out."""
    found = {source: read_result_text(source)[2] for source in sources}
    return {source: refusal(result) or "" for source, result in found.items() if result.status != "complete"}


def _files(target: Path, filed: FiledResult) -> dict[Path, bytes]:
    """Return the two files of a result, the table first, because the result names it."""
    return {table_beside(target): filed.table, target: filed.text.encode("utf-8")}


@contextmanager
def undo_on_error(files: Mapping[Path, bytes]) -> Iterator[None]:
    """Restore these files if anything in the block fails."""
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    try:
        yield
    except BaseException:
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            elif path.read_bytes() != data:
                write_atomic(path, data)
        raise

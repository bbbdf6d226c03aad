"""The leaderboards folder: results/ in, one page per task and model family out, and a check that they agree."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from iceb.base.errors import CheckFailed, ResultError
from iceb.base.files import write_atomic
from iceb.leaderboard.collect import accepted, collect, place, refusal
from iceb.leaderboard.published import Published, published
from iceb.leaderboard.rank import tables
from iceb.leaderboard.render import render
from iceb.running.folder import read_result
from iceb.specs.results import Result
from iceb.specs.tasks import Task

SOURCES = {"leaderboard": "results", "docs": "cards"}  # what a command makes its pages of
BY_HAND = {"README.md"}  # the folder's pages that no result makes


def page_name(task: str, family: str) -> str:
    """The embedded model's page carries the task's name; every other family has its own page.

    >>> page_name("aice", "mini"), page_name("aice", "sd14")
    ('aice.md', 'aice-sd14.md')
    """
    return f"{task}.md" if family == "mini" else f"{task}-{family}.md"


def pages(results: Sequence[Result], papers: Sequence[Published], task_named: Callable[[str], Task]) -> dict[str, str]:
    """Every page's text by file name.

    Raises:
        ResultError: results that cannot share the tables they claim.
    """
    wanted = {(result.task.name, result.model.family) for result in results}
    wanted |= {(paper.task, paper.family) for paper in papers}
    texts = {}
    for name, family in sorted(wanted):
        task = task_named(name)
        mine = [result for result in results if (result.task.name, result.model.family) == (name, family)]
        printed = [paper for paper in papers if (paper.task, paper.family) == (name, family)]
        texts[page_name(name, family)] = render(f"{task.title} ({name}) on {family}", tables(mine, task), printed)
    return texts


def rendered(
    folder: Path, task_named: Callable[[str], Task], only: str | None = None, more: Sequence[Result] = ()
) -> dict[str, str]:
    """The pages that the results in `folder` make, and `more` results with them; `only` keeps one task's.

    Raises:
        ResultError: there is no such folder, or a result in it is not fit.
    """
    results_folder = folder / "results"
    if not results_folder.is_dir():
        raise ResultError(
            f"{results_folder} is not a folder: run this in a checkout of iceb, or name one with --folder"
        )
    results = [result for result in [*collect(results_folder), *more] if only in (None, result.task.name)]
    papers = [paper for paper in published() if only in (None, paper.task)]
    return pages(results, papers, task_named)


def write(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write the pages that changed; returns their paths."""
    changed = [name for name, text in texts.items() if _standing(folder / name) != text]
    for name in changed:
        write_atomic(folder / name, texts[name].encode("utf-8"))
    return [folder / name for name in changed]


def check(folder: Path, texts: dict[str, str], *, whole: bool = True, command: str = "leaderboard") -> None:
    """Compare the pages in `folder` with what their command makes; `whole` also refuses pages that it does not make.

    Raises:
        CheckFailed: a page is missing, differs (with its first differing line), or is left over.
    """
    source = SOURCES[command]
    problems = [problem for name, text in texts.items() if (problem := _difference(folder / name, text, source))]
    if whole:
        left_over = sorted({path.name for path in folder.glob("*.md")} - set(texts) - BY_HAND)
        problems += [f"{folder / name} is made by no {source[:-1]}: remove it" for name in left_over]
    if problems:
        raise CheckFailed(f"{'; '.join(problems)}; run `iceb {command}` and commit the pages")


def _standing(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _difference(path: Path, text: str, source: str) -> str | None:
    standing = _standing(path)
    if standing is None:
        return f"{path} is missing"
    if standing == text:
        return None
    changes = difflib.unified_diff(standing.splitlines(), text.splitlines(), lineterm="", n=0)
    first = next(line for line in changes if line[0] in "+-" and not line.startswith(("+++", "---")))
    return f"{path} differs from its {source} ({first[:80]!r})"


@dataclass(frozen=True)
class Added:
    """What was added to a leaderboards folder."""

    results: tuple[Path, ...]  # where each result stands now
    skipped: tuple[str, ...]  # why others were left out, a line each
    pages: tuple[Path, ...]  # those that changed


def add_all(folder: Path, sources: Sequence[Path], task_named: Callable[[str], Task]) -> Added:
    """Copy runs' results into `folder`/results under their ids and write the pages: all of it, or nothing.

    Of several results the unfinished and the partial ones are left out; adding one again changes nothing.

    Raises:
        ResultError: one is malformed or may not stand on a table, another result stands under its id, or none is left.
        StoreError: the folder cannot be written.
    """
    found = {source: read_result(source) for source in sources}
    skipped = {s: refusal(r) or "" for s, r in found.items() if r.status != "complete"} if len(found) > 1 else {}
    if found and len(skipped) == len(found):
        raise ResultError(f"nothing to add: {'; '.join(f'{source}: {why}' for source, why in skipped.items())}")
    new = {source: accepted(result, str(source)) for source, result in found.items() if source not in skipped}
    places = {folder / "results" / place(result): result for result in new.values()}
    absent = {target: result for target, result in places.items() if not _stands(target, result)}
    texts = rendered(folder, task_named, more=tuple(absent.values()))
    with undone(absent):
        for target, result in absent.items():
            write_atomic(target, result.to_json().encode("utf-8"))
        changed = write(folder, texts)
    return Added(tuple(places), tuple(f"skipped {s}: {why}" for s, why in skipped.items()), tuple(changed))


@contextmanager
def undone(targets: Iterable[Path]) -> Iterator[None]:
    """Remove these new files again if anything inside fails."""
    try:
        yield
    except BaseException:
        for target in targets:
            target.unlink(missing_ok=True)
        raise


def _stands(target: Path, result: Result) -> bool:
    """Whether a result stands at its place already.

    Raises:
        ResultError: another one stands there.
    """
    if not target.exists():
        return False
    if _essence(read_result(target)) != _essence(result):
        raise ResultError(
            f"{target} holds other numbers for the same run: the method or its packages changed; remove it first"
        )
    return True


def _essence(result: Result) -> str:
    """What must agree between two runs of one spec: not the cost, the provenance, nor what older results lack."""
    return result.model_dump_json(exclude={"cost", "provenance", "log", "execution"})

"""Render the leaderboards folder: one page per task and model family; check that pages agree."""

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from iceb.base.errors import CheckFailed, ResultError
from iceb.base.files import write_atomic
from iceb.leaderboard.front_table import FRONT, FrontPage
from iceb.leaderboard.pairwise import Tables
from iceb.leaderboard.published import Published, read_published
from iceb.leaderboard.rank import Table, tables
from iceb.leaderboard.render import render
from iceb.leaderboard.views import FIGURES, views_of
from iceb.specs.results import Result
from iceb.specs.runs import slug
from iceb.specs.tasks import Task

Measured: TypeAlias = Mapping[tuple[str, str], Sequence[Table]]  # task and family → the tables of their page

SOURCES = {"leaderboard": "results", "docs": "declarations"}  # command → what its pages are made from
RESULTS, NOTES = "results", "notes"  # folders
EMBEDDED = "mini"  # the family whose pages carry the task's name alone
GUIDE = "../docs/results.md"  # a checkout has it beside its leaderboards folder
OUTWARD = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)#]+)[^)]*\)")  # a link out of the folder
KINDS = ("*.md", f"{FIGURES}/*.svg")  # what is made from results
BY_HAND = {"README.md"}  # pages of the folder that belong to no result


def page_name(task: str, family: str) -> str:
    """Return a page's file name: the task's name, with the family's except for the embedded model.

    >>> page_name("aice", "mini"), page_name("aice", "sd14")
    ('aice.md', 'aice-sd14.md')
    >>> page_name("iceb-example/repaint", "mini")
    'iceb-example.repaint.md'
    """
    name = slug(task)  # a task of another package is named with it
    return f"{name}.md" if family == EMBEDDED else f"{name}-{family}.md"


def measured_tables(
    results: Sequence[Result], task_named: Callable[[str], Task], per_concept: Tables | None = None
) -> Measured:
    """Make the tables of each page.

    Args:
        per_concept: the results' tables, by their digests.

    Raises:
        ResultError: results that cannot share the tables they claim.
    """
    grouped: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        grouped.setdefault((result.task.name, result.model.family), []).append(result)
    return {each: tables(mine, task_named(each[0]), per_concept) for each, mine in grouped.items()}


def pages(
    measured: Measured,
    papers: Sequence[Published],
    task_named: Callable[[str], Task],
    notes: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the text of every page and figure by file name.

    Args:
        notes: maintainers' texts by page name.
    """
    notes = notes or {}
    wanted = {*measured, *((paper.task, paper.family) for paper in papers)}
    made = {page_name(*each) for each in wanted}
    wanted |= {(Path(name).stem, EMBEDDED) for name in notes if name not in made}
    texts = {}
    for name, family in sorted(wanted):
        page = page_name(name, family)
        printed = [paper for paper in papers if (paper.task, paper.family) == (name, family)]
        title = f"{_title(name, printed, task_named)} ({name}) on {family}"
        mine = measured.get((name, family), ())
        views = views_of(mine, page)
        texts[page] = render(title, mine, printed, notes.get(page, ""), views)
        texts |= {view.figure: view.svg for view in views if view.svg is not None}
    return texts


def _title(name: str, papers: Sequence[Published], task_named: Callable[[str], Task]) -> str:
    """Find the title of a task; a paper may say it, so that its page needs no task that is registered."""
    said = next((paper.task_title for paper in papers if paper.task_title), "")
    return said or task_named(name).title


def results_folder(folder: Path) -> Path:
    """The folder of the results.

    Raises:
        ResultError: there is none.
    """
    if not (folder / RESULTS).is_dir():
        raise ResultError(
            f"{folder / RESULTS} is not a folder: run this in a checkout of iceb, or name one with `folder`"
        )
    return folder / RESULTS


def render_pages(
    folder: Path,
    task_named: Callable[[str], Task],
    results: Sequence[Result],
    only: str | None = None,
    per_concept: Tables | None = None,
) -> dict[str, str]:
    """Render the pages of results with the notes in `folder`, and the table of the README beside it.

    Outside a checkout, links to its docs are plain text, and no page holds published numbers alone.

    Args:
        only: keep one task's.
        per_concept: the results' tables, by their digests.

    Raises:
        ResultError: results that cannot share the tables they claim.
    """
    kept = [result for result in results if only in (None, result.task.name)]
    measured = measured_tables(kept, task_named, per_concept)
    checkout = (folder / GUIDE).is_file()
    papers = [
        paper
        for paper in read_published()
        if only in (None, paper.task) and (checkout or (paper.task, paper.family) in measured)
    ]
    notes = {name: text for name, text in _notes(folder).items() if only is None or _is_page_of(name, only)}
    texts = {name: _live_links(text, folder) for name, text in pages(measured, papers, task_named, notes).items()}
    return texts | _front_page(folder, measured, only)


def _live_links(text: str, folder: Path) -> str:
    """Return a page's text with links out of the folder that lead nowhere as plain text."""
    return OUTWARD.sub(lambda link: link[0] if (folder / link["target"]).exists() else link["text"], text)


def _front_page(folder: Path, measured: Measured, only: str | None) -> dict[str, str]:
    front = FrontPage.read(folder)
    if front is None or (only is not None and not _is_page_of(front.page, only)):
        return {}
    mine = next((made for each, made in measured.items() if page_name(*each) == front.page), ())
    return {FRONT: front.with_table(mine)}


def _notes(folder: Path) -> dict[str, str]:
    """Read the maintainers' notes above a page's tables, by page name."""
    return {path.name: path.read_text(encoding="utf-8").strip() for path in sorted((folder / NOTES).glob("*.md"))}


def _is_page_of(name: str, task: str) -> bool:
    return name == f"{task}.md" or name.startswith(f"{task}-")


def write(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write the pages that changed; returns their paths."""
    changed = {path: text for name, text in texts.items() if _standing(path := _page_path(folder, name)) != text}
    for path, text in changed.items():
        write_atomic(path, text.encode("utf-8"))
    return list(changed)


def check(folder: Path, texts: dict[str, str], *, whole: bool = True, command: str = "leaderboard") -> None:
    """Compare the pages in `folder` with the rendered texts; `whole` also refuses additional pages.

    Raises:
        CheckFailed: a page is missing, differs (with its first differing line), or is left over.
    """
    source = SOURCES[command]
    problems = [
        problem for name, text in texts.items() if (problem := _difference(_page_path(folder, name), text, source))
    ]
    if whole:
        standing = {path.relative_to(folder).as_posix() for kind in KINDS for path in folder.glob(kind)}
        left_over = sorted(standing - set(texts) - BY_HAND)
        problems += [f"{folder / name} is made by no {source[:-1]}: remove it" for name in left_over]
    if problems:
        raise CheckFailed(f"{'; '.join(problems)}; run `iceb {command}` and commit the pages")


def _page_path(folder: Path, name: str) -> Path:
    """Return the normalised path of a page: README.md, not leaderboards/../README.md."""
    return Path(os.path.normpath(folder / name))


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

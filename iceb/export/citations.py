"""BibTeX entries of the papers that methods and tasks name, with what their cards say of them."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from iceb import registry
from iceb.base.errors import IcebError
from iceb.export.latex_text import latex
from iceb.leaderboard.published import read_published
from iceb.report.site.boards import Board

ARXIV = re.compile(r"arXiv:(?P<id>(?P<year>\d\d)(?P<month>\d\d)\.\d{4,5})(v\d+)?", re.IGNORECASE)
NOTICE = "% Titles as the cards of methods and tasks have them; they name no authors: add these before you print."


def bib_key(paper: str) -> str:
    """The key of a paper's entry.

    >>> bib_key("arXiv:2403.13807"), bib_key("NeurIPS 2025, p. 7")
    ('arxiv-2403.13807', 'neurips-2025-p.-7')
    """
    return re.sub(r"[^a-z0-9.]+", "-", paper.lower()).strip("-")


def papers_of(boards: Sequence[Board]) -> list[str]:
    """The papers of the tasks and methods of some boards, each once, sorted."""
    found = {row.paper for board in boards for row in board.table.order}
    found |= {task_paper(board) for board in boards}
    return sorted(found - {""})


def task_paper(board: Board) -> str:
    """The paper of a board's task; "" where the task is not installed, or names none."""
    try:
        return str(registry.load("tasks", board.table.identity.task).paper)
    except IcebError:
        return ""


def bibliography(papers: Sequence[str]) -> str:
    """Write the entries of some papers."""
    entries = [NOTICE, *(_entry(paper, _titles().get(paper, paper)) for paper in papers)]
    return "\n\n".join(entries) + "\n"


def _entry(paper: str, title: str) -> str:
    found = ARXIV.fullmatch(paper)
    fields = {"title": f"{{{latex(title)}}}", "key": latex(title)}  # doubled braces keep capitals; key sorts it
    if found:
        fields |= {
            "year": f"20{found['year']}",
            "eprint": found["id"],
            "archivePrefix": "arXiv",
            "url": f"https://arxiv.org/abs/{found['id']}",
        }
    else:
        fields["howpublished"] = latex(paper)
    lines = [f"  {name:<13} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{bib_key(paper)},", *lines, "}"])


@cache
def _titles() -> Mapping[str, str]:
    """Titles by paper: of published tables, else of the method with the shortest name that names it."""
    found: dict[str, str] = {}
    for entry in sorted(registry.entries_of("methods"), key=lambda each: (len(each.name), each.name)):
        try:
            card = entry.load().card
        except IcebError:
            continue
        if card.paper:
            found.setdefault(card.paper, card.title)
    return {**found, **{each.paper: each.title for each in read_published()}}

"""Pages written by hand name files that are there, and link to pages that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("iceb", "methods", "metrics", "baselines", "data_cards", "tests", "tools", "benchmarks", "docs", "leaderboards")
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(path for top in TOP for path in (ROOT / top).rglob("*.md")))
    if "golden" not in path.parts
)
NAMED = re.compile(rf"`((?:{'|'.join(TOP)})/[\w./-]+)(?::[^`]*)?`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_to_files_that_are_there(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=lambda page: page.name)
def test_a_page_names_files_that_are_there(page):
    names = NAMED.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not (ROOT / name).exists()] == []

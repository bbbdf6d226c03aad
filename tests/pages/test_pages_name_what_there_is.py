"""Pages name commands, options, files, links and headings that are there."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from iceb.cli.main import app
from iceb.models.families import FAMILIES
from tests.pages.blocks import FOLDERS, ROOT, TOP, commands_in_blocks, commands_in_text, name_of, pages, running_text

NAMED = re.compile(rf"`((?:{'|'.join(('tests', *TOP))})/[\w./-]+)(?::[^`]*)?`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MADE = (page for folder in (*FOLDERS, ROOT / "leaderboards") for page in folder.glob("*.md"))
EVERY_PAGE = sorted({*pages(), *MADE})
IN_BLOCKS = [words for page in pages() for words in commands_in_blocks(page)]
IN_TEXT = [words for page in pages() for words in commands_in_text(page) if words]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(running_text(page)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        kept = "".join(c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LN").replace(" ", "-")
        found[kept] = found.get(kept, 0) + 1
    return {name if number == 0 else f"{name}-{number}" for name, count in found.items() for number in range(count)}


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    broken = []
    for link in LINK.findall(running_text(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_every_relative_link_and_anchor_leads_somewhere(page):
    assert broken_links(page) == []


def test_a_link_to_no_file_and_one_to_no_heading_are_found(tmp_path):
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# What `--check` proves\n\n## Two\n\n## Two\n")
    page.write_text(
        "[a](other.md#what---check-proves) [b](other.md#two-1) [c](#here) [d](https://e.org/x)\n\n# Here\n\n"
        "[e](none.md) [f](other.md#three) [g](#there)\n```\n[h](no.md)\n```\n"
    )
    assert broken_links(page) == ["none.md", "other.md#three", "#there"]


@pytest.mark.parametrize("page", [page for page in pages() if page.name != "CHANGELOG.md"], ids=name_of)
def test_a_page_names_files_that_are_there(page):
    names = NAMED.findall(running_text(page))
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_index_names_every_page_of_the_documentation():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in index] == []


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the first words name, and the words behind them."""
    command: Any = get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("--"):
        name, *words = words
        assert name in command.commands, f"no command {name}"
        command = command.commands[name]
    return command, words


@pytest.mark.parametrize("words", IN_BLOCKS, ids=" ".join)
def test_a_command_in_a_block_is_one_that_iceb_takes(words):
    command, rest = command_of(words)
    assert command.make_context(command.name, rest).params  # an unknown or a missing option raises


@pytest.mark.parametrize("words", IN_TEXT, ids=" ".join)
def test_a_command_in_running_text_exists_with_its_options(words):
    command, rest = command_of(words)
    known = {"--help", *(name for each in command.params for name in each.opts)}
    assert [word for word in rest if word.startswith("--") and word not in known] == []


def test_commands_are_found_on_many_pages():
    assert (len(IN_BLOCKS), len(IN_TEXT)) >= (20, 40)
    assert {words[0] for words in IN_BLOCKS} >= {"evaluate", "edit", "apply", "check", "leaderboard", "docs", "data"}


@pytest.mark.parametrize("page", [page for page in pages() if page.name != "CHANGELOG.md"], ids=name_of)
def test_no_command_in_running_text_holds_a_bar(page):
    """A shell would take it for a pipe."""
    assert [command for command in re.findall(r"`(iceb [^`]*)`", running_text(page)) if "|" in command] == []


@pytest.mark.parametrize("heading", ["| measure | numbers |", "| measure | trained weights |"])
def test_every_measure_of_real_models_has_a_row_in_both_tables(heading):
    """What metrics/README.md says of weights and licence, and of what was run on trained weights."""
    _, found, below = (ROOT / "metrics" / "README.md").read_text(encoding="utf-8").partition(heading)
    assert found
    named = {
        name
        for line in below.partition("\n\n")[0].splitlines()
        for name in re.findall(r"`(\w+)`", line.split(" | ")[0])
    }
    assert {name for family in FAMILIES.values() if family.name != "mini" for name in family.measures.values()} <= named

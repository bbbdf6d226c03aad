"""Read the fenced blocks, commands, links and headings of the pages that are written by hand."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP = ("iceb", "methods", "metrics", "baselines", "data_cards", "docs", "leaderboards", "benchmarks", "tools")
FOLDERS = tuple(ROOT / "docs" / name for name in ("methods", "tasks", "metrics"))  # that `iceb docs` writes
GENERATED = (*FOLDERS, *(page for page in (ROOT / "leaderboards").glob("*.md") if page.name != "README.md"))
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
SUFFIXES = {"toml": "toml", "json": "json", "markdown": "md", "python": "py"}
SPAN = re.compile(r"`((?:\.venv/bin/)?iceb(?: [^`]*)?)`")
PLACEHOLDER = re.compile(r"[…<]|\b[A-Z]{3,}\b")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    language: str
    text: str
    above: str  # the paragraph before it
    line: int

    @property
    def file(self) -> str:
        """The file that the block is, named by its first line (`# NAME`) or by the paragraph above it; "" if none."""
        suffix = SUFFIXES.get(self.language)
        if suffix is None:
            return ""
        first = re.match(rf"# (\S+\.{suffix})\b", self.text)
        named = first or (None if self.language == "python" else re.search(rf"`(\S+\.{suffix})`", self.above))
        return named[1] if named else ""

    @property
    def commands(self) -> list[str]:
        """The lines of a shell's block; one that ends with a backslash goes on in the next."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def pages() -> list[Path]:
    """Every page that is written by hand, README first; not the methods' cards, which the package reads as data."""
    below = (path for top in TOP for path in sorted((ROOT / top).rglob("*.md")) if not path.match("methods/*/card*.md"))
    hand = (path for path in below if not any(path == made or made in path.parents for made in GENERATED))
    return [*sorted(ROOT.glob("*.md"), key=lambda path: path.name != "README.md"), *hand]


def name_of(page: Path) -> str:
    """A page's path from the root of the checkout."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [_block(name_of(page), text, found) for found in FENCE.finditer(text)]


def _block(page: str, text: str, found: re.Match[str]) -> Block:
    above = text[: found.start()]
    return Block(page, found["language"], found["text"], above.rstrip().rpartition("\n\n")[2], above.count("\n") + 1)


def commands_in_blocks(page: Path) -> Iterator[list[str]]:
    """The words behind `iceb` in every command of a page's blocks."""
    lines = [line for block in blocks(page) if block.language == "bash" for line in block.commands]
    yield from _words(part for line in lines for part in line.split("&&"))


def commands_in_text(page: Path) -> Iterator[list[str]]:
    """The words behind `iceb` in every command of a page's running text, of which some name only a part."""
    spans = SPAN.findall(running_text(page))
    yield from _words(" ".join(span.split()) for span in spans if not PLACEHOLDER.search(span))


def running_text(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def _words(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        words = shlex.split(line, comments=True)
        if words and Path(words[0]).name == "iceb":
            yield words[1 : words.index(">")] if ">" in words else words[1:]

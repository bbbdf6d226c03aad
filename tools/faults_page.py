"""The table of docs/results.md that says what broken runs say: `seeded_faults.py --write` writes it."""

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
HEAD = ("| fault | exit code | what it says | rank allowed |", "|---|---|---|---|")


def table_lines(text: str) -> list[str]:
    """Return the lines of the table in a page, without its head."""
    lines = text.splitlines()
    first = lines.index(HEAD[0]) + len(HEAD)
    return lines[first : first + next(place for place, line in enumerate(lines[first:]) if not line.startswith("|"))]


def with_table(text: str, rows: Sequence[str]) -> str:
    """Return a page with other lines in its table."""
    return text.replace("\n".join([*HEAD, *table_lines(text)]), "\n".join([*HEAD, *rows]))

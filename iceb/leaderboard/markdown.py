"""Write markdown tables, cells and code, escaping special characters in names and commands."""

from collections.abc import Iterable, Sequence

from iceb.base.messages import printable

MISSING = "–"


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]], *, numbers_from: int) -> str:
    """Make a table; columns from `numbers_from` on are right-aligned."""
    rule = ["---" if index < numbers_from else "--:" for index in range(len(header))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def cell(text: str) -> str:
    """Escape text for one table cell or line.

    >>> cell("a|b\\n<i>")
    'a\\\\|b &lt;i>'
    """
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def code(text: str) -> str:
    """Format text as inline code; a backtick, which would end it, becomes an apostrophe.

    >>> code("iceb\\nshow `x`")
    "`iceb show 'x'`"
    """
    return f"`{printable(text).replace('`', chr(39))}`"

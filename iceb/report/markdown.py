"""Write the generated pages of docs/: cells, tables and links of plain text."""

from collections.abc import Sequence


def link(paper: str) -> str:
    """Link a paper that stands as "arXiv:NUMBER"; other text stays; "none" for none.

    >>> link("arXiv:2403.13807"), link("")
    ('[arXiv:2403.13807](https://arxiv.org/abs/2403.13807)', 'none')
    """
    kind, _, number = paper.partition(":")
    if kind == "arXiv" and number:
        return f"[{paper}](https://arxiv.org/abs/{number})"
    return cell(paper) or "none"


def cell(text: str) -> str:
    """Escape plain text for one line of markdown; code between backticks stays code.

    >>> cell("a_b*\\n`c_d`")
    'a\\\\_b\\\\* `c_d`'
    """
    pieces = " ".join(text.split()).split("`")
    if len(pieces) % 2 == 0:  # a backtick without its other half
        return _escape("`".join(pieces))
    return "`".join(bar(piece) if inside % 2 else _escape(piece) for inside, piece in enumerate(pieces))


def _escape(text: str) -> str:
    for mark in "\\|*_":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("<", "&lt;")


def bar(code: str) -> str:
    """Escape the bars of code, which would end a table's cell."""
    return code.replace("|", "\\|")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table of cells that are escaped already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def board(name: str) -> str:
    """Link a page of leaderboards/ from a folder of docs/."""
    return f"[leaderboards/{name}](../../leaderboards/{name})"

"""`iceb docs`: write the methods' pages from their cards, or check that they are up to date."""

from pathlib import Path
from typing import Annotated

import typer


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page differs.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the pages stand.")] = Path("docs/methods"),
    leaderboards: Annotated[Path, typer.Option(help="The folder that holds results/.")] = Path("leaderboards"),
    benchmarks: Annotated[Path, typer.Option(help="Measured times, *.json.")] = Path("benchmarks/results"),
) -> None:
    """Write a page for every method of ours, and their index."""
    from iceb.leaderboard import pages
    from iceb.report import method_pages

    texts = method_pages.method_pages(leaderboards, benchmarks)
    if check:
        pages.check(folder, texts, command="docs")
        typer.echo(f"{len(texts)} pages in {folder} are what the cards and results make")
        return
    for path in pages.write(folder, texts):
        typer.echo(f"wrote {path}")

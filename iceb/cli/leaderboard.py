"""`iceb leaderboard`: render the pages from the results, check them, or add a result."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option(help="The folder that holds results/ and the pages.")]


def leaderboard(
    task: Annotated[str | None, typer.Argument(help="Only this task's pages.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page differs.")] = False,
    add: Annotated[
        list[Path] | None, typer.Option("--add", help="A run's result.json to add; may be repeated.")
    ] = None,
    folder: Folder = Path("leaderboards"),
) -> None:
    """Render the leaderboards from their results."""
    from iceb.base.errors import SpecError
    from iceb.leaderboard import pages
    from iceb.registry import load

    if check and add:
        raise SpecError("--check writes nothing and --add writes: choose one of them")
    if task is not None:
        load("tasks", task)
    for source in add or []:
        typer.echo(f"added {pages.add(folder, source)}")
    texts = pages.rendered(folder, lambda name: load("tasks", name), task)
    if check:
        pages.check(folder, texts, whole=task is None)
        typer.echo(f"{len(texts)} pages in {folder} are what their results make")
        return
    for path in pages.write(folder, texts):
        typer.echo(f"wrote {path}")

"""`iceb report`: an offline page of one or many runs; no model is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

DEFAULT = Path("site")
SHOWN = 5  # runs left out that the terminal names


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Run folders, folders of runs, or a leaderboard's results."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write; an earlier report is replaced.")] = (
        DEFAULT
    ),
    cache: Annotated[Path | None, typer.Option(help=f"Where the runs' images are. Default {WHERE}.")] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "ICEB report",
) -> None:
    """Write a page with tables, curves and images of runs, that opens offline in a browser."""
    from iceb.cli.progress import show_progress
    from iceb.report.site.build import write_report

    with show_progress():
        made = write_report(runs, out, cache, title)
    for each in made.left_out[:SHOWN]:
        typer.echo(f"left out {each.path}: {with_options(each.reason)}")
    if (more := len(made.left_out) - SHOWN) > 0:
        typer.echo(f"left out {count_text(more, 'more run')}, listed on the page")
    tables = f"{count_text(made.runs, 'run')} in {count_text(made.boards, 'table')}"
    missing = f", {made.missing} not in the cache" if made.missing else ""
    typer.echo(f"{made.page}: {tables}, {count_text(made.images, 'image')}{missing}; open it in a browser")

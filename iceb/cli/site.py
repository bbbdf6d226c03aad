"""`iceb report`: write an offline web page of one or many runs; no model is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.base.wording import count_text
from iceb.cli.left_out import left_out_lines

DEFAULT = Path("site")


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Run folders, folders of runs, or a leaderboard's results."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write; an earlier report is replaced.")] = (
        DEFAULT
    ),
    cache: Annotated[
        Path | None, typer.Option(help=f"The cache folder, which holds the runs' images. Default: {WHERE}.")
    ] = None,
    title: Annotated[str, typer.Option(help="The title of the page.")] = "ICEB report",
    sharp: Annotated[
        bool,
        typer.Option("--sharp", help="Images of sensitive tasks sharp as well, shown by a click; else blurred alone."),
    ] = False,
) -> None:
    """Write a web page of runs that opens offline.

    It shows tables, curves and images.
    """
    from iceb.cli.progress import show_progress
    from iceb.report.site.build import write_report

    with show_progress():
        made = write_report(runs, out, cache, title, sharp)
    for line in left_out_lines(made.left_out, ", listed on the page"):
        typer.echo(line)
    tables = f"{count_text(made.runs, 'run')} in {count_text(made.boards, 'table')}"
    missing = f", {made.missing} not in the cache" if made.missing else ""
    typer.echo(f"{made.page}: {tables}, {count_text(made.images, 'image')}{missing}; open it in a browser")

"""`iceb grid`: draw stored images before and after the edit and of the destination side by side."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.base.wording import count_text


def grid(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its result.json.")],
    out: Annotated[Path, typer.Option(help="The image to write; must end in .png.")] = Path("grid.png"),
    rows: Annotated[int, typer.Option(help="How many prompts to show, at most 100.")] = 6,
    role: Annotated[
        str,
        typer.Option(
            help="Which prompts to show: a role that the run drew, for example holdout. Default: of what is edited.",
            show_default=False,
        ),
    ] = "",
    cache: Annotated[Path | None, typer.Option(help=f"The cache folder. Default: {WHERE}.")] = None,
    draw: Annotated[
        bool,
        typer.Option(
            "--draw",
            help="Load the model to draw the destinations that the cache lacks, and let the judge look at them.",
        ),
    ] = False,
) -> None:
    """Draw a run's images side by side as a PNG.

    Before the edit, after it, and the destination, for prompts that are spread evenly over the run, not picked.
    """
    from iceb.api.publishing import write_grid
    from iceb.cli.progress import show_progress

    with show_progress():
        made = write_grid(run, out=out, rows=rows, role=role, cache=cache, draw=draw)
    blurred = ", blurred because its task is sensitive" if made.blurred else ""
    sides = "before, after and destination" if made.destinations else "before and after"
    typer.echo(f"{out}: {made.rows} of {made.drawn} {made.role} prompts, {sides}{blurred}")
    if made.hidden:
        typer.echo(f"{count_text(made.hidden, 'destination')} not in the cache: --draw draws them")

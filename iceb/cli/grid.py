"""`iceb grid`: images before and after the edit and of the destination side by side, from the cache."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.base.wording import count_text

MOST = 100  # rows; beyond it the image is too tall to look at


def grid(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its result.json.")],
    out: Annotated[Path, typer.Option(help="The image to write, a .png.")] = Path("grid.png"),
    rows: Annotated[int, typer.Option(help=f"How many prompts are shown, at most {MOST}.")] = 6,
    role: Annotated[str, typer.Option(help="A role that the run drew, for example holdout.")] = "source",
    cache: Annotated[Path | None, typer.Option(help=f"Default {WHERE}.")] = None,
    draw: Annotated[
        bool,
        typer.Option("--draw", help="Draw destinations that the cache lacks, and ask the judge; loads the model."),
    ] = False,
) -> None:
    """Draw a run's images before, after and of destinations; prompts are spread evenly, not picked."""
    from iceb.base.errors import SpecError
    from iceb.base.files import write_atomic
    from iceb.base.messages import shorten

    if not 1 <= rows <= MOST:
        raise SpecError(f"--rows {rows}: must be 1 to {MOST}")
    if out.suffix.lower() != ".png":
        raise SpecError(f"--out {shorten(str(out))}: must end in .png")
    from iceb.cli.progress import show_progress
    from iceb.report import image_grid as drawing

    with show_progress():
        made = drawing.grid(run, cache, rows, role, draw=draw)
    write_atomic(out, made.png)
    blurred = ", blurred because its task is sensitive" if made.blurred else ""
    sides = "before, after and destination" if made.destinations else "before and after"
    typer.echo(f"{out}: {made.rows} of {made.drawn} {role} prompts, {sides}{blurred}")
    if made.hidden:
        typer.echo(f"{count_text(made.hidden, 'destination')} not in the cache: --draw draws them")

"""`iceb grid`: images before and after the edit side by side, from the cache; no model is loaded."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE

MOST = 100  # rows; beyond it the image is too tall to look at


def grid(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its result.json.")],
    out: Annotated[Path, typer.Option(help="The image to write, a .png.")] = Path("grid.png"),
    rows: Annotated[int, typer.Option(help=f"How many prompts are shown, at most {MOST}.")] = 6,
    role: Annotated[str, typer.Option(help="A role that the run drew, for example holdout.")] = "source",
    cache: Annotated[Path | None, typer.Option(help=f"Default {WHERE}.")] = None,
) -> None:
    """Draw a run's images before and after; prompts are spread evenly over the concepts, not picked."""
    from iceb.base.errors import SpecError
    from iceb.base.files import write_atomic
    from iceb.base.messages import shorten

    if not 1 <= rows <= MOST:
        raise SpecError(f"--rows {rows}: must be 1 to {MOST}")
    if out.suffix.lower() != ".png":
        raise SpecError(f"--out {shorten(str(out))}: must end in .png")
    from iceb.report import image_grid as drawing

    made = drawing.grid(run, cache, rows, role)
    write_atomic(out, made.png)
    blurred = ", blurred because its task is sensitive" if made.blurred else ""
    typer.echo(f"{out}: {made.rows} of {made.drawn} {role} prompts, before and after{blurred}")

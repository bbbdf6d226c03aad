"""`iceb apply`: a saved edit and its base become a model that plain diffusers loads."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.cli.quiet import silence_libraries


def apply(
    base: Annotated[str, typer.Argument(help="mini, sd14, sd15, sd21, sdxl, or a folder: the model that was edited.")],
    delta: Annotated[Path, typer.Argument(help="The folder that iceb edit wrote.")],
    out: Annotated[Path, typer.Option(help="The model folder to write; it must not exist.")],
) -> None:
    """Write the edited model as a diffusers folder; weights other than the edit's own base are refused."""
    silence_libraries()
    from iceb.cli.progress import show_progress
    from iceb.delivery import apply as applying

    with show_progress():
        made = applying.apply(base, delta, out)
    typer.echo(f"wrote {made.folder}: {made.load}")

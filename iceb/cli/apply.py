"""`iceb apply`: write the model that a saved edit makes of its base, as a folder that diffusers loads."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.cli import options, values
from iceb.cli.quiet import silence_libraries


def apply(
    base: Annotated[str, typer.Argument(help="mini, sd14, sd15, sd21, sdxl, or a folder: the model that was edited.")],
    delta: Annotated[Path, typer.Argument(help="The folder that iceb edit wrote.")],
    out: Annotated[Path, typer.Option(help="The model folder to write; it must not exist.")],
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="A request to take back out, by its source or id; the others are edited again. May be repeated.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=FILE", help="With --without: a file that the edit's settings named."),
    ] = None,
    device: options.Device = "auto",
    cache: options.Cache = None,
) -> None:
    """Write a saved edit as a diffusers model folder.

    Weights other than those that the edit was made for are refused.
    """
    from iceb.base.errors import SpecError

    files = values.settings(settings or [])
    if files and not without:
        raise SpecError("--set is for --without: a delta is applied as it was saved")
    silence_libraries()
    from iceb.cli.progress import show_progress
    from iceb.delivery import apply as applying
    from iceb.delivery.undo import UndoAsk, apply_without

    with show_progress():
        if without:
            undone = apply_without(UndoAsk(base, delta, tuple(without), files, device, cache), out)
            made, notes = undone.model, undone.notes
        else:
            made, notes = applying.apply(base, delta, out), ()
    typer.echo("\n".join([*notes, f"wrote {made.folder}: {made.load}"]))

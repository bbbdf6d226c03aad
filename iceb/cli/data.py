"""`iceb data`: fetch the upstream files from their pinned commit, and say what is here."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.cli.option_names import with_options

app = typer.Typer(help="Fetch datasets from their pinned commit, and see what is here.")

Cache = Annotated[Path | None, typer.Option(help=f"The cache folder; default {WHERE}.")]


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="A dataset: iceb list datasets.")], cache: Cache = None) -> None:
    """Download a dataset's files into the cache; each is checked against the sha256 of its data card."""
    from iceb.datasets import cards
    from iceb.datasets import locate as files

    card = cards.load_card(name)
    folder = files.fetch(card, cache, cards.declaration(name).package)
    for key, path in files.checked_paths(card, folder).items():
        declared = card.files[key].sha256
        typer.echo(f"{key}: {path} ({f'sha256 {declared[:12]}… as declared' if declared else 'sha256 not stated'})")


@app.command("status")
def status(
    name: Annotated[str | None, typer.Argument(help="One dataset; default all of iceb list datasets.")] = None,
    cache: Cache = None,
) -> None:
    """Say for every file of a dataset whether it is here and is the one its card declares."""
    from iceb.base.errors import IcebError
    from iceb.datasets import cards

    for dataset in [name] if name else cards.card_names():
        try:
            lines = _states(dataset, cache)
        except IcebError as error:
            if name:
                raise
            lines = [str(error)]  # the other files are still checked
        for line in lines or ["no files"]:
            typer.echo(f"{dataset}: {with_options(line)}")


def _states(name: str, cache: Path | None) -> list[str]:
    from iceb.base.digest import digest_file
    from iceb.datasets import cards
    from iceb.datasets import locate as files

    card, package = cards.load_card(name), cards.declaration(name).package
    packaged = card.source.repository in files.PACKAGED
    folder = files.packaged_folder(card, package) if packaged else files.cache_folder(card, cache)
    lines = []
    for key, file in card.files.items():
        path = folder / file.path
        if not path.is_file():
            lines.append(f"{key} is not here ({path}): {files.remedy_of_missing(card)}")
        elif file.sha256 is None:
            lines.append(f"{key} is here ({path}, sha256 {digest_file(path)}, which its card does not state)")
        elif (found := digest_file(path)) != file.sha256:
            lines.append(f"{key} is not the declared file ({path}, sha256 {found}): {files.remedy_of_changed(card)}")
        else:
            lines.append(f"{key} is here ({path})")
    return lines

"""`iceb data`: list datasets and where their files are, fetch, check and show them."""

import json
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.cache import WHERE
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.datasets.states import DatasetState

app = typer.Typer(help="List, fetch, verify and show datasets.")
WIDTH = 100  # characters of a line

Cache = Annotated[Path | None, typer.Option(help=f"The cache folder. Default: {WHERE}.")]
Data = Annotated[str | None, typer.Option(help="A folder that holds the files. Default: where a run looks for them.")]
Name = Annotated[str, typer.Argument(help="A dataset: iceb data list.")]


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_cards(
    cache: Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="The list as JSON on stdout, nothing else.")] = False,
) -> None:
    """List datasets with licence, size and where their files are."""
    from iceb.datasets import cards

    rows = [_row(name, cache) for name in cards.card_names()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    lines = [[row["name"], row["licence"], row["where"], row["size_text"], row["title"]] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for line in lines:
        fixed = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        typer.echo("  ".join([*fixed, line[4]]).rstrip())


def _row(name: str, cache: Path | None) -> dict[str, Any]:
    """Return what is known of a dataset; of one that cannot be read, the reason in the place of its title."""
    from iceb.base.errors import IcebError
    from iceb.base.wording import size_text
    from iceb.datasets.states import dataset_state

    try:
        state = dataset_state(name, None, cache, look_inside=False)
    except IcebError as error:
        unknown = dict.fromkeys(("licence", "where", "size_text"), "?")
        return {"name": name, **unknown, "size": None, "title": with_options(str(error))}
    return {
        "name": name,
        "licence": state.card.licence,
        "where": state.where,
        "folder": str(state.place.folder),
        "size": state.size,
        "size_text": "–" if state.size is None else size_text(state.size),
        "title": state.card.title or state.card.paper,
    }


@app.command("fetch")
def fetch(name: Name, cache: Cache = None) -> None:
    """Download a dataset's files into the cache.

    They come from the pinned commit, and each is checked against the sha256 of its data card. A download that broke off
    goes on where it stopped.
    """
    from iceb.cli.progress import show_progress
    from iceb.datasets import cards
    from iceb.datasets import locate as files

    card = cards.load_card(name)
    with show_progress():
        folder = files.fetch(card, cache, cards.declaration(name).package)
    for key, path in files.checked_paths(card, folder).items():
        declared = card.files[key].sha256
        typer.echo(f"{key}: {path} ({f'sha256 {declared[:12]}… as declared' if declared else 'sha256 not stated'})")


@app.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(help="One dataset. Default: all of iceb data list.")] = None,
    data: Data = None,
    cache: Cache = None,
) -> None:
    """Compare every file of a dataset with its card.

    The exit code is 1 where one differs, or where the dataset that is named lacks one.
    """
    from iceb.base.errors import CheckFailed, IcebError
    from iceb.datasets import cards
    from iceb.datasets.states import dataset_state

    wrong = []
    for dataset in [name] if name else cards.card_names():
        try:
            state = dataset_state(dataset, data, cache)
        except IcebError as error:
            if name:
                raise
            typer.echo(f"{dataset}: {with_options(str(error))}")  # the other files are still checked
            continue
        for line in state.sentences() or ["no files"]:
            typer.echo(f"{dataset}: {with_options(line)}")
        bad = ("changed", "absent") if name else ("changed",)
        wrong += [f"{dataset}, {file.key} ({file.state})" for file in state.files if file.state in bad]
    if wrong:
        raise CheckFailed(f"not as declared: {'; '.join(wrong)}")


@app.command("show")
def show(
    name: Name,
    rows: Annotated[int, typer.Option(min=0, max=1000, help="How many rows of each file are shown.")] = 3,
    data: Data = None,
    cache: Cache = None,
) -> None:
    """Show a dataset's card, its counts and its first rows."""
    from iceb.datasets.states import dataset_state

    state = dataset_state(name, data, cache, look_inside=False)
    for key, text in _declaration(state).items():
        _echo(f"{key}: {text}", "")
    for title, entries in (("counts", state.card.counts), ("deviations", state.card.deviations)):
        if entries:
            typer.echo(f"{title}:")
        for entry in [f"{key}: {count}" for key, count in entries.items()] if isinstance(entries, dict) else entries:
            _echo(with_options(entry), "  ")
    typer.echo("files:")
    for file, line in zip(state.files, state.sentences(), strict=True):
        declared = state.card.files[file.key]
        counted = "" if declared.rows is None else f", {declared.rows} rows"
        digest = "not stated" if declared.sha256 is None else f"{declared.sha256[:12]}…"
        _echo(f"{with_options(line)}{counted}, sha256 {digest}", "  ")
        _show_rows(file.path if file.size is not None else None, rows)


def _declaration(state: "DatasetState") -> dict[str, str]:
    """Return the fields of a card that say something, but counts, files and deviations."""
    card = state.card
    said = {
        "name": f"{card.name}, version {card.version}",
        "title": card.title,
        "paper": card.paper,
        "licence": card.licence,
        "terms": card.terms,
        "source": f"{card.source.repository} at {card.source.commit}, folder {card.source.folder or '.'}",
        "nested": "fewer edits are the first of more" if card.nested else "a list of its own for each number of edits",
        "without tags": ", ".join(card.without_tags),
        "where": f"{state.where} ({state.place.folder})",
    }
    return {key: text for key, text in said.items() if text}


def _show_rows(path: Path | None, count: int) -> None:
    """Print the first rows of a file that is here, a line each."""
    from iceb.base.messages import printable, shorten
    from iceb.datasets.first_rows import first_rows

    for row in first_rows(path, count) if path is not None else ():
        typer.echo(f"    {shorten(printable(row), WIDTH - 4)}")


def _echo(text: str, indent: str) -> None:
    typer.echo(fill(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    "))

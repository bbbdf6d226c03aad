"""`iceb leaderboard`: render pages and the README's table from results, check them, or add results."""

from glob import glob, has_magic
from pathlib import Path
from typing import Annotated

import typer

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

DEFAULT = Path("leaderboards")
Folder = Annotated[
    Path | None,
    typer.Option(
        help="The folder that holds results/ and the pages; --add makes it where it is named.",
        show_default=str(DEFAULT),
    ),
]


def leaderboard(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]", help="Only this task's pages; with --add, more results.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; compute every score again from its table, and fail when a number or a page differs.",
        ),
    ] = False,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="RUN...", help="Run folders or result.json files to add, all or none."),
    ] = None,
    folder: Folder = None,
) -> None:
    """Render the leaderboards from their results."""
    from iceb.api.publishing import update_leaderboard

    sources = _paths([*add, *(names or [])]) if add else []
    task = None if add else _task(names or [])
    made = update_leaderboard(task, add=sources, check=check, folder=folder)
    if check:
        typer.echo(
            f"{count_text(made.scores, 'score')} of {count_text(made.results, 'result')} follow from the tables beside "
            f"them; {count_text(len(made.pages), 'page')} of {folder or DEFAULT} from the results"
        )
        return
    lines = [*made.skipped, *(f"added {path}" for path in made.added), *(f"wrote {path}" for path in made.pages)]
    typer.echo(with_options("\n".join(lines)) if lines else "", nl=bool(lines))


def _paths(named: list[str]) -> list[Path]:
    """The paths that were named, patterns expanded.

    Raises:
        SpecError: nothing fits a pattern.
    """
    from iceb.base.errors import SpecError

    found: dict[Path, None] = {}
    for name in named:
        fitting = sorted(glob(name, recursive=True)) if has_magic(name) and not Path(name).exists() else [name]
        if not fitting:
            raise SpecError(f"--add {name}: no file or folder fits: name run folders, or their result.json files")
        found |= {Path(one): None for one in fitting}
    return list(found)


def _task(names: list[str]) -> str | None:
    from iceb.base.errors import SpecError

    if len(names) > 1:
        raise SpecError(f"{names[1]}: name one task, or none for all; results are added with --add")
    return names[0] if names else None

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
        help="The folder that holds results/ and the pages; --add makes it if it is missing.",
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
            help="Write nothing: compute every score again from its table, and fail if a number or a page differs.",
        ),
    ] = False,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="RUN...", help="Run folders or result.json files to add, all or none."),
    ] = None,
    why: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--why",
            metavar="ROW ROW",
            help="Say whether two rows can be compared, and if not, why. Name a row as on its page (a row of another "
            "task than TASK as artists/uce), or by a run's folder or result.json.",
        ),
    ] = None,
    folder: Folder = None,
) -> None:
    """Write or check the leaderboard pages (maintainers).

    Without --check, --add or --why the pages are written anew from the results. --why takes TASK as aice if none is
    named.
    """
    from iceb.base.errors import SpecError

    if sum(map(bool, (check, add, why))) > 1:
        raise SpecError("--check and --why write nothing and --add writes: choose one of them")
    if why:
        _say_why(why, folder or DEFAULT, _task(names or []) or "aice")
        return
    sources = _paths([*add, *(names or [])]) if add else []
    _update(None if add else _task(names or []), sources, folder, check=check)


def _update(task: str | None, sources: list[Path], folder: Path | None, *, check: bool) -> None:
    """Add results, and write or check the pages."""
    from iceb.api.publishing import update_leaderboard

    made = update_leaderboard(task, add=sources, check=check, folder=folder)
    if check:
        figures = sum(path.suffix == ".svg" for path in made.pages)
        written = count_text(len(made.pages) - figures, "page")
        written += f" and {count_text(figures, 'figure')}" if figures else ""
        typer.echo(
            f"{count_text(made.scores, 'score')} of {count_text(made.results, 'result')} follow from the tables beside "
            f"them; {written} of {folder or DEFAULT} from the results"
        )
        return
    lines = [*made.skipped, *(f"added {path}" for path in made.added), *(f"wrote {path}" for path in made.pages)]
    typer.echo(with_options("\n".join(lines)) if lines else "", nl=bool(lines))


def _say_why(named: tuple[str, str], folder: Path, task: str) -> None:
    from iceb.api.explaining import why_apart

    typer.echo("\n".join(why_apart(*named, task=task, folder=folder)))


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

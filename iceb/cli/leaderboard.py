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
    from iceb.base.errors import SpecError

    if check and add:
        raise SpecError("--check writes nothing and --add writes: choose one of them")
    if add:
        _add(folder, _paths([*add, *(names or [])]))
    else:
        _render(folder or DEFAULT, _task(names or []), check=check)


def _add(folder: Path | None, sources: list[Path]) -> None:
    from iceb.leaderboard import adding
    from iceb.registry import load

    added = adding.add_all(folder or DEFAULT, sources, lambda name: load("tasks", name), new=folder is not None)
    lines = [*added.skipped, *(f"added {path}" for path in added.results), *(f"wrote {path}" for path in added.pages)]
    typer.echo(with_options("\n".join(lines)))


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
    from iceb.registry import load

    if len(names) > 1:
        raise SpecError(f"{names[1]}: name one task, or none for all; results are added with --add")
    for name in names:
        load("tasks", name)
    return names[0] if names else None


def _render(folder: Path, task: str | None, *, check: bool) -> None:
    from iceb.leaderboard import pages
    from iceb.leaderboard.collect import collect_filed
    from iceb.leaderboard.filed_result import tables_of
    from iceb.registry import load

    found = collect_filed(pages.results_folder(folder))
    results = [filed.result for filed in found]
    texts = pages.render_pages(folder, lambda name: load("tasks", name), results, task, tables_of(found))
    if check:
        pages.check(folder, texts, whole=task is None)
        scores = sum(len(scores) for result in results for scores in result.groups)
        figures = sum(name.endswith(".svg") for name in texts)
        made = count_text(len(texts) - figures, "page")
        made += f" and {count_text(figures, 'figure')}" if figures else ""
        typer.echo(
            f"{count_text(scores, 'score')} of {count_text(len(results), 'result')} follow "
            f"from the tables beside them; {made} of {folder} from the results"
        )
        return
    for path in pages.write(folder, texts):
        typer.echo(f"wrote {path}")

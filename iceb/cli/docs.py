"""`iceb docs`: write the pages of methods, tasks and metrics from their declarations, or check them."""

from pathlib import Path
from typing import Annotated

import typer


def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page differs.")] = False,
    folder: Annotated[Path, typer.Option(help="The folder that holds methods/, tasks/ and metrics/.")] = Path("docs"),
    leaderboards: Annotated[Path, typer.Option(help="The folder that holds results/.")] = Path("leaderboards"),
    benchmarks: Annotated[Path, typer.Option(help="The folder of measured times, *.json.")] = Path(
        "benchmarks/results"
    ),
) -> None:
    """Write the generated pages (maintainers).

    A page for every method, task and metric that ships with ICEB, and their indexes.
    """
    from iceb.leaderboard import pages
    from iceb.leaderboard.collect import collect
    from iceb.report import method_pages, metric_pages, task_pages

    results = collect(pages.results_folder(leaderboards))
    made = {
        "methods": method_pages.method_pages(results, benchmarks),
        "tasks": task_pages.task_pages(results),
        "metrics": metric_pages.metric_pages(),
    }
    for name, texts in made.items():
        if check:
            pages.check(folder / name, texts, command="docs")
            typer.echo(f"{len(texts)} pages in {folder / name} are what the declarations make")
            continue
        for path in pages.write(folder / name, texts):
            typer.echo(f"wrote {path}")

"""`iceb score`: metrics on the stored images of a run; the diffusion model is never loaded."""

from pathlib import Path
from typing import Annotated

import typer

from iceb.base.cache import WHERE
from iceb.cli.quiet import silence_libraries


def score(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its result.json.")],
    metric: Annotated[list[str] | None, typer.Option(help="A metric; may be repeated. Default: the run's own.")] = None,
    device: Annotated[str, typer.Option(help="Where measures run: cpu, cuda …")] = "cpu",
    cache: Annotated[Path | None, typer.Option(help=f"Default {WHERE}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as a JSON list on stdout, nothing else.")] = False,
) -> None:
    """Compute metrics from a run's images in the cache; new ones are added to the run's result."""
    silence_libraries()
    import json

    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary
    from iceb.running.rescore import rescore

    with show_progress():
        result = rescore(run, metric or (), cache, device)
    if as_json:
        typer.echo(json.dumps([each.model_dump() for each in result.scores], indent=2, ensure_ascii=False))
        return
    summary(result, cost=False)

"""`iceb runs`: list runs with their settings and scores."""

import json
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.numbers import estimate_text
from iceb.base.wording import repeats_text
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.runs.listing import ListedRun

WIDTH = 80  # characters of a line
MISSING = "–"
DEFAULT = Path("runs")  # the default of `iceb evaluate --out`


def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs, or single runs. Default: runs.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The list as JSON on stdout, nothing else.")] = False,
) -> None:
    """List runs with settings, status and score.

    The run that finished last stands last.
    """
    from iceb.runs.listing import list_runs

    found = list_runs(folders or [DEFAULT])
    if as_json:
        typer.echo(json.dumps([_document(run) for run in found], indent=2, ensure_ascii=False))
        return
    headlines = {run.headline.metric_arrow for run in found if run.headline is not None}
    score = headlines.pop() if len(headlines) == 1 else "score"
    typer.echo(f"{'run':<34} {'status':<10} {'finished (UTC)':<16} {score:>17}")
    for run in found:
        typer.echo("\n".join(_lines(run, named=bool(headlines))))


def _lines(run: "ListedRun", *, named: bool) -> list[str]:
    """Format a run, and below it what distinguishes it from others of its method."""
    finished = run.finished[:16].replace("T", " ") or MISSING
    rest = f"{run.status:<10} {finished:<16} {_score(run):>17}"
    first = [f"{run.name:<34} {rest}"] if len(run.name) <= 34 else [run.name, f"{'':<34} {rest}"]
    return [*first, *wrap("; ".join(_apart(run, named=named)), WIDTH, initial_indent="    ", subsequent_indent="    ")]


def _apart(run: "ListedRun", *, named: bool) -> list[str]:
    """Return what distinguishes a run from others of its method, with the metric shown if `named`."""
    from iceb.specs.labels import method_label

    changed = method_label("", run.changed).strip(" ()") if run.changed else ""
    limit = f"--limit {run.limit}" if run.limit is not None else ""
    limit = f"--share {run.share:g}" if run.share is not None else limit
    model = f"model {run.model}" if run.model not in ("", "iceb/mini") else ""
    repeats = ", ".join(repeats_text(run.draws, run.replicates))
    headline = f"score: {run.headline.metric_arrow}" if named and run.headline is not None else ""
    return [part for part in (run.part, changed, repeats, limit, model, headline, with_options(run.error)) if part]


def _score(run: "ListedRun") -> str:
    score = run.headline
    return (
        MISSING if score is None or score.value is None else estimate_text(score.value, score.shown_error, signed=True)
    )


def _document(run: "ListedRun") -> dict[str, Any]:
    score = run.headline
    return {
        "folder": str(run.folder),
        "id": run.name,
        "status": run.status,
        "task": run.task,
        "method": run.method,
        "part": run.part,
        "changed": dict(run.changed),
        "num_edits": run.num_edits,
        "draws": run.draws,
        "replicates": run.replicates,
        "limit": run.limit,
        "share": run.share,
        "model": run.model,
        "metric": score.metric if score is not None else None,
        "value": score.value if score is not None else None,
        "stderr": score.stderr if score is not None else None,
        "finished": run.finished or None,
        "error": run.error or None,
    }

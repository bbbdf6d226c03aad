"""`iceb export`: results as tables, lines, LaTeX, parquet, records of the hubs, or a tracker's runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.export.asking import Exported

DEFAULT = Path("leaderboards")
SHOWN = 5  # of what is left out, in the terminal
FORMS = "markdown, csv, long-csv (a line a scored item), latex, parquet, hf, eee, wandb, mlflow or trackio"


def export(
    to: Annotated[str, typer.Option(metavar="FORM", help=f"{FORMS}.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; of hf, eee and trackers the folder.")],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUNS...", help="Run folders, files of results, or folders of them. Default: leaderboards."
        ),
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task's runs; again for another.")] = None,
    num_edits: Annotated[list[int] | None, typer.Option(help="Only this number of edits; again for another.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; again for another.")] = None,
    hub_dataset: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="hf: the Hub's dataset that holds the benchmark's eval.yaml.")
    ] = "",
    source_url: Annotated[str, typer.Option(metavar="URL", help="hf: a page of these results.")] = "",
    organization: Annotated[str, typer.Option(help="eee: who provides the results.")] = "ICEB",
    relationship: Annotated[
        str, typer.Option(help="eee: the evaluator's to the model's developer: first_party, third_party, …")
    ] = "third_party",
    project: Annotated[str, typer.Option(help="wandb, mlflow, trackio: the project that runs stand in.")] = "iceb",
) -> None:
    """Write results in a form that other programs read; a missing score is never written as a number."""
    from iceb.api.exporting import write_export

    exported = write_export(
        runs or [DEFAULT],
        to=to,
        out=out,
        tasks=task or (),
        num_edits=num_edits or (),
        metrics=metric or (),
        hub_dataset=hub_dataset,
        source_url=source_url,
        organization=organization,
        relationship=relationship,
        project=project,
    )
    typer.echo("\n".join(_lines(exported)))


def _lines(exported: "Exported") -> list[str]:
    """Say what was written and what was left out."""
    left = exported.runs_left_out
    lines = [f"left out {each.path}: {with_options(each.reason)}" for each in left[:SHOWN]]
    if (more := len(left) - SHOWN) > 0:
        lines.append(f"left out {count_text(more, 'more run')}")
    if exported.left_out:
        lines.append(f"left out {count_text(len(exported.left_out), 'score')}:")
        lines += [f"  {each.text}" for each in exported.left_out[:SHOWN]]
        if (more := len(exported.left_out) - SHOWN) > 0:
            lines.append(f"  and {more} more, listed in {exported.files[-1] if exported.files else ''}")
    beside = f", {exported.files[1]}" if len(exported.files) == 2 and not exported.left_out else ""
    return [*lines, f"{exported.files[0]}{beside}: {count_text(exported.records, exported.what)}"]

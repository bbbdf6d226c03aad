"""`iceb export`: write results as tables, CSV, LaTeX, parquet, records of a hub, or runs of a tracker."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from iceb.base.wording import count_text
from iceb.cli.left_out import SHOWN, left_out_lines

if TYPE_CHECKING:
    from iceb.export.asking import Exported

DEFAULT = Path("leaderboards")
FORMS = "markdown, csv, long-csv (a line a scored item), latex, parquet, hf, eee, wandb, mlflow or trackio"
Tasks: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="TASK", help="Only runs of this task; may be repeated.")
]
Counts: TypeAlias = Annotated[
    list[int] | None, typer.Option(metavar="N", help="Only runs at this number of edits; may be repeated.")
]
Metrics: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="METRIC", help="Only scores of this metric; may be repeated.")
]
HubDataset: TypeAlias = Annotated[
    str, typer.Option(metavar="OWNER/NAME", help="For hf: the Hub's dataset that holds the benchmark's eval.yaml.")
]
SourceUrl: TypeAlias = Annotated[
    str, typer.Option(metavar="URL", help="For hf: the address of a page that shows these results.")
]
Organization: TypeAlias = Annotated[str, typer.Option(help="For eee: the organization that provides the results.")]
Project: TypeAlias = Annotated[str, typer.Option(help="For wandb, mlflow and trackio: the project of the runs.")]
Evaluator: TypeAlias = Annotated[
    str,
    typer.Option(
        help="For eee: who evaluated: first_party (the model's developer), third_party, collaborative or other."
    ),
]


def export(
    to: Annotated[str, typer.Option(metavar="FORM", help=f"{FORMS}.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; for hf, eee and the trackers a folder.")],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUNS...", help="Run folders, files of results, or folders of them. Default: leaderboards."
        ),
    ] = None,
    task: Tasks = None,
    num_edits: Counts = None,
    metric: Metrics = None,
    hub_dataset: HubDataset = "",
    source_url: SourceUrl = "",
    organization: Organization = "ICEB",
    relationship: Evaluator = "third_party",
    project: Project = "iceb",
) -> None:
    """Write results as CSV, LaTeX, parquet and other forms.

    A missing score is never written as a number.
    """
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
    lines = list(left_out_lines(exported.runs_left_out))
    if exported.left_out:
        lines.append(f"left out {count_text(len(exported.left_out), 'score')}:")
        lines += [f"  {each.text}" for each in exported.left_out[:SHOWN]]
        if (more := len(exported.left_out) - SHOWN) > 0:
            lines.append(f"  and {more} more, listed in {exported.files[-1] if exported.files else ''}")
    beside = f", {exported.files[1]}" if len(exported.files) == 2 and not exported.left_out else ""
    return [*lines, f"{exported.files[0]}{beside}: {count_text(exported.records, exported.what)}"]

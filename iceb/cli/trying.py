"""`iceb try`: edit your own concepts with several methods, and put images and numbers side by side."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.comma_lists import split_list
from iceb.cli import options, values
from iceb.cli.option_names import with_options
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.datasets.own_requests import OwnRequests
    from iceb.running.trial import Trial, TrialAsk

SHEET, PAGE = "sheet.png", "table.md"


@dataclass(frozen=True)
class Own:
    """Options that say what is edited: a file, or pairs that are typed."""

    requests: Annotated[
        Path | None,
        typer.Option(
            help="A file of your own concepts: JSON or CSV rows of source, dest, prompts, aliases, tests, neighbours."
        ),
    ] = None
    source: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A concept to edit; may be repeated.")] = None
    dest: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What each source becomes, in the same order; without it they are erased."),
    ] = None

    def concepts(self) -> "OwnRequests":
        """The requests.

        Raises:
            SpecError: nothing was named, or a file and pairs.
        """
        from iceb.datasets.own_requests import named_concepts

        return named_concepts(self.requests, self.source or [], self.dest or [])


@options.expand_groups
def try_methods(
    *,
    own: Own,
    method: Annotated[str, typer.Option(help="One or more methods, separated by commas: iceb list methods.")],
    model: options.Model = "mini",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.NAME=VALUE", help="A setting of a method; may be repeated."),
    ] = None,
    recipe: options.Recipe = None,
    full: Annotated[bool, typer.Option("--full", help="Draw as many images as iceb evaluate --requests does.")] = False,
    sampling: options.SamplingOptions,
    computation: options.Computation,
    cache: options.Cache = None,
    out: Annotated[Path, typer.Option(help=f"The folder for {SHEET}, {PAGE} and the runs.")] = Path("trial"),
    dry_run: options.DryRun = False,
) -> None:
    """Compare methods on your own concepts, with images.

    Needs --method, and --requests or --source (and --dest). Writes a sheet of unedited, edited and destination images,
    and a table to decide by.
    """
    concepts, execution = own.concepts(), computation.execution()
    chosen = values.settings(settings or [])
    silence_libraries()
    from iceb.running.trial import TrialAsk, few

    common = {
        "recipe": recipe,
        "sampling": sampling.changes(),
        "dtype": values.dtype(computation.dtype),
        "execution": execution,
        "cache": cache,
    }
    _try(
        TrialAsk(concepts if full else few(concepts), split_list(method), model, chosen, common),
        out,
        dry_run,
        own.requests,
    )


def _try(ask: "TrialAsk", out: Path, dry_run: bool, file: Path | None) -> None:
    from iceb.cli.progress import show_progress
    from iceb.report.trial_sheet import write_trial
    from iceb.running.trial import carry_out, cautions, make_plans

    plans = make_plans(ask)
    for line in cautions(ask.own, plans):
        typer.echo(with_options(line), err=True)
    images = sum(counts.before + (counts.after or counts.prompts) for counts in plans[0].counts)
    typer.echo(
        f"model {plans[0].spec.model.family} ({plans[0].spec.model.repo}), at most {images} images a method", err=True
    )
    if dry_run:
        typer.echo("nothing was made (--dry-run)")
        return
    with show_progress():
        trial = carry_out(ask, plans, out / "runs")
    write_trial(trial, out, plans[0].parts.cache)
    _report(trial, ask, out, file)


def _report(trial: "Trial", ask: "TrialAsk", out: Path, file: Path | None) -> None:
    from iceb.report.trial_sheet import COLUMNS, decision_table, request_table

    for rows in (decision_table(trial), request_table(trial)):
        typer.echo("\n".join(_aligned_lines(rows)) + "\n")
    for each in trial.methods:
        for score in each.result.scores:
            if score.metric in COLUMNS and score.value is None and score.note:
                typer.echo(f"{each.result.method.name}, {score.metric}: {with_options(score.note)}")
    typer.echo(f"sheet: {out / SHEET}   table: {out / PAGE}   runs: {out / 'runs'}")
    what = f"--requests {file}" if file is not None else "--source … --dest …"
    typer.echo(f"next: iceb edit --method METHOD {what} --model {ask.model} --out edit")


def _aligned_lines(rows: Iterable[list[str]]) -> list[str]:
    """Align a table's columns: the first to the left, numbers to the right."""
    found = list(rows)
    widths = [max(len(row[place]) for row in found) for place in range(len(found[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in found
    ]

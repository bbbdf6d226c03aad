"""Carry out or plan a sweep of `iceb evaluate`, and print its table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from iceb.base.numbers import estimate_text
from iceb.cli.interrupts import Stopped
from iceb.cli.option_names import with_options
from iceb.cli.sweep_lines import FAILED, combination, heading, not_run_documents

if TYPE_CHECKING:
    from rich.table import Table

    from iceb.running.shared_parts import SharedParts
    from iceb.running.sweeps.asked import SweepAsk
    from iceb.running.sweeps.carrying_out import CellOutcome
    from iceb.running.sweeps.planning import SweepPlan
    from iceb.running.sweeps.sweep_file import SweepFile
    from iceb.specs.runs import Scalar

MISSING = "–"
REPEATS = ("draws", "replicates")
SHARED = {"model": "mini", "metrics": (), "limit": None, "share": None}  # fields of `Ask` that a file may hold


def sweep_ask(file: "SweepFile", settings: "Mapping[str, Scalar]", common: Mapping[str, Any]) -> "SweepAsk":
    """Join a sweep with the command's settings and the fields of `Ask` that all cells share.

    Raises:
        SpecError: a setting of none of its methods, a field that both name, or a name that stands twice.
    """
    from iceb.running.method_settings import settings_by_method
    from iceb.running.sweeps.asked import SweepAsk
    from iceb.specs.repeats import Repeats

    own, repeats = settings_by_method(file.methods, settings), common["repeats"]
    for name in REPEATS:
        refuse_twice(name, getattr(file, name), getattr(repeats, name), 1)
    shared = {name: value for name in SHARED if (value := getattr(file, name)) is not None and value != ()}
    for name, value in shared.items():
        refuse_twice(name, value, common.get(name, SHARED[name]), SHARED[name])
    return SweepAsk(
        methods=file.methods,
        tasks=file.tasks,
        num_edits=file.num_edits,
        recipes=file.recipes or (None,),
        settings={method: {**file.settings.get(method, {}), **own[method]} for method in file.methods},
        common={
            **common,
            **shared,
            "repeats": Repeats(*(_first(getattr(file, name), getattr(repeats, name)) for name in REPEATS)),
        },
    )


def _first(in_file: int | None, given: int) -> int:
    return given if in_file is None else in_file


def refuse_twice(name: str, in_file: object, given: object, default: object) -> None:
    """Refuse a field that a sweep's file and the command both give.

    Raises:
        SpecError: as it says.
    """
    from iceb.base.errors import SpecError

    if in_file is not None and given != default:
        raise SpecError(f"`{name}`: stands in the sweep's file as well: leave one of them out")


def evaluate_sweep(
    ask: "SweepAsk", out: Path, budget: str | None, ray: str | None = None, *, dry_run: bool, as_json: bool
) -> None:
    """Plan a sweep and carry it out, or print its plan.

    Args:
        budget: a time that the plan may take; None: as long as it does.
        ray: the address of a Ray whose tasks share the work; None: without it.

    Raises:
        typer.Exit: a cell failed.
        IcebError: the sweep cannot be planned.
    """
    from iceb.running.shared_parts import SharedParts
    from iceb.running.sweeps.budget import budget_of

    seconds = budget_of(budget, ask)
    shared = SharedParts.of_model(*(ask.common[name] for name in ("model", "dtype", "execution")))
    if seconds is not None:
        from iceb.running.sweeps.within_budget import within_budget

        ask = within_budget(ask, shared, out, seconds, tell, keep=not dry_run)
    if dry_run:
        from iceb.cli.sweep_plan import print_plan

        print_plan(ask, shared, out, as_json=as_json)
    else:
        _carry_out(ask, shared, out, ray, as_json=as_json)


def _carry_out(ask: "SweepAsk", shared: "SharedParts", out: Path, ray: str | None, *, as_json: bool) -> None:
    """Make every cell and report them.

    Raises:
        typer.Exit: a cell failed.
        IcebError: the sweep cannot be planned.
    """
    from iceb.cli.progress import show_progress
    from iceb.running.sweeps.carrying_out import Sweep
    from iceb.running.sweeps.planning import plan_sweep
    from iceb.running.workers.sharing import share_work

    planned = plan_sweep(ask, shared)
    for line in heading(planned):
        tell(line)
    sweep = Sweep(planned, shared, out, tell)
    try:
        with show_progress():
            share_work(sweep.to_make(), out, ask.common["execution"], ray)
            outcomes = sweep.carry_out()
    except (KeyboardInterrupt, Stopped):
        tell(f"stopped: {len(sweep.outcomes)} of {len(planned.cells)} cells are through; what was made is kept")
        raise
    report(planned, outcomes, as_json=as_json)
    if planned.failed or any(each.made == "failed" for each in outcomes):
        raise typer.Exit(FAILED)


def tell(line: str) -> None:
    """Print a line on stderr, with options in the place of fields."""
    typer.echo(with_options(line), err=True)


def report(planned: "SweepPlan", outcomes: "Sequence[CellOutcome]", *, as_json: bool) -> None:
    """Print what became of each cell: one table, or JSON."""
    if as_json:
        typer.echo(json.dumps(_document(planned, outcomes), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, 100)
    console.print(_table(planned, outcomes))
    for each in outcomes:
        if each.made == "failed":
            console.print(with_options(f"failed: {each.cell.name}: {each.error}"), markup=False)
    for line in heading(planned)[1:]:
        console.print(with_options(line), markup=False)


def _table(planned: "SweepPlan", outcomes: "Sequence[CellOutcome]") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("method", "task"):
        table.add_column(name, overflow="fold")
    for name in ("edits", "headline", "value ± stderr"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in [*map(_row, outcomes), *_rows_not_run(planned)]:
        table.add_row(*map(Text, row))
    return table


def _row(outcome: "CellOutcome") -> list[str]:
    cell, score = outcome.cell, headline_score(outcome)
    method = f"{cell.ask.method}, {cell.part}" if cell.part else cell.ask.method
    headline = score.metric_arrow if score is not None else cell.headline
    value = MISSING
    if score is not None and score.value is not None:
        value = estimate_text(score.value, score.shown_error, signed=True)
    found = ", as before" if outcome.made == "found" else ""
    return [method, cell.ask.task, str(cell.ask.num_edits), headline, value, outcome.status + found]


def _rows_not_run(planned: "SweepPlan") -> Iterator[list[str]]:
    for word, found in (("failed", planned.failed), ("left out", planned.left_out)):
        for ask in (each.ask for each in found):
            method = f"{ask.method}, {ask.recipe}" if ask.recipe is not None else ask.method
            yield [method, ask.task, str(ask.num_edits), MISSING, MISSING, word]


def headline_score(outcome: "CellOutcome") -> Any:
    """The score that ranks; None of a cell that failed."""
    return outcome.result.score(outcome.cell.headline) if outcome.result is not None else None


def _document(planned: "SweepPlan", outcomes: "Sequence[CellOutcome]") -> dict[str, Any]:
    return {
        "cells": [
            {
                **combination(each.cell.ask),
                "id": each.cell.id,
                "status": each.status,
                "made": each.made,
                "headline": each.cell.headline,
                "value": getattr(headline_score(each), "value", None),
                "stderr": getattr(headline_score(each), "stderr", None),
                "error": with_options(each.error) or None,
                "path": str(each.path),
            }
            for each in outcomes
        ],
        **not_run_documents(planned),
    }

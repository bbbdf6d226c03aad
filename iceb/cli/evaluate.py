"""`iceb evaluate`: turn the options into an `Ask`, print the plan, run it, and print the scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from iceb.cli import options, values
from iceb.cli.launching import Launching
from iceb.cli.matrix import Asked
from iceb.cli.option_names import with_options
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.running.plan import Ask
    from iceb.running.planned import Plan
    from iceb.running.sweeps.sweep_file import SweepFile


@options.expand_groups
def evaluate(
    *,
    asked: Asked,
    repetition: options.Repetition,
    model: options.Model = "mini",
    data: options.Data = None,
    settings: options.Settings = None,
    recipe: options.Recipes = None,
    scope: options.ScopeOptions,
    sampling: options.SamplingOptions,
    computation: options.Computation,
    launching: Launching,
    cache: options.Cache = None,
    out: options.Out = Path("runs"),
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Edit concepts, draw before and after, and score the change.

    Needs --method (or --checkpoint), and --task with --num-edits (or --requests). Several methods, tasks, numbers of
    edits or recipes, with commas between them, make a sweep: a run of each combination. What earlier runs have made is
    taken from the cache.
    """
    chosen, matrix = values.settings(settings or []), asked.matrix(recipe)
    budget = asked.budget if matrix is None else matrix.budget
    launching.check(budget, dry_run=dry_run)
    method, count = ("", None) if matrix is not None else (asked.method_name(), asked.count())
    groups = {**vars(repetition), **scope.arguments(), **vars(sampling), **vars(computation)}
    common = _common_fields({"model": model, "data": data, "cache": cache, **groups})
    silence_libraries()
    if matrix is not None:
        return _sweep(matrix, chosen, common, budget, launching, out, dry_run=dry_run, as_json=as_json)
    from iceb.running.asking import ask_of

    own: dict[str, Any] = {"checkpoint": asked.checkpoint, "erases": asked.erases, "settings": chosen, "recipe": recipe}
    ask = ask_of(asked.task, count, asked.requests, method=method, **{**common, **own})
    if launching.launch is not None:
        return launching.start_run(launching.launch, ask, out, as_json=as_json)
    return _evaluate(ask, out, launching.ray, dry_run=dry_run, as_json=as_json)


def _sweep(
    matrix: "SweepFile",
    settings: Mapping[str, Any],
    common: Mapping[str, Any],
    budget: str | None,
    launching: Launching,
    out: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from iceb.cli.sweeping import evaluate_sweep, sweep_ask

    sweep = sweep_ask(matrix, settings, common)
    if launching.launch is not None:
        return launching.start_sweep(launching.launch, sweep, out, as_json=as_json)
    return evaluate_sweep(sweep, out, budget, launching.ray, dry_run=dry_run, as_json=as_json)


def _common_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Ask` that one run and the runs of a sweep take alike from the options."""
    from iceb.api.arguments import Scope

    return Scope(**{**given, "dtype": values.dtype(given["dtype"])}).fields()


def _evaluate(ask: "Ask", out: Path, ray: str | None, *, dry_run: bool, as_json: bool) -> None:
    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary
    from iceb.running.plan import plan
    from iceb.running.run_folder import run
    from iceb.running.workers.plan_file import PlannedRun
    from iceb.running.workers.sharing import share_work
    from iceb.runs.withheld import refuse_withheld

    planned = plan(ask, may_fetch=not dry_run)
    if dry_run:
        _print_plan(planned, as_json=as_json)
        return
    for line in planned.lines():
        typer.echo(with_options(line), err=True)
    with show_progress():
        if planned.has_work:
            share_work([PlannedRun(planned.spec.id, ask)], out, ask.execution, ray)
        result, path = run(planned, out)
    if as_json:
        typer.echo(result.to_json(), nl=False)
    summary(result, path, on_stderr=as_json)
    refuse_withheld(result)


def _print_plan(planned: "Plan", *, as_json: bool) -> None:
    from iceb.running.planned_memory import planned_memory

    memory = planned_memory(planned)
    if not as_json:
        lines = [*planned.lines(), *([memory.line] if memory else [])]
        typer.echo("\n".join([*map(with_options, lines), f"run {planned.spec.id}; nothing was made (--dry-run)"]))
        return
    import dataclasses
    import json

    document: dict[str, Any] = {
        "id": planned.spec.id,
        "spec": planned.spec.model_dump(mode="json"),
        "edits_cached": planned.edits_cached,
        "images": [dataclasses.asdict(counts) for counts in planned.counts],
        "memory": None if memory is None else dataclasses.asdict(memory),
    }
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))

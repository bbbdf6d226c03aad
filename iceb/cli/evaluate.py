"""`iceb evaluate`: turn the options into an `Ask`, print the plan, run it, and print the scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.cli import options, values
from iceb.cli.option_names import with_options
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.running.plan import Ask
    from iceb.running.planned import Plan


@dataclass(frozen=True)
class Asked:
    """Options that say what is edited, and by what."""

    method: Annotated[str | None, typer.Option(help="What edits the model: iceb list methods.")] = None
    checkpoint: Annotated[
        Path | None, typer.Option(help="Instead of --method: the folder of a model that was edited elsewhere.")
    ] = None
    name: Annotated[str | None, typer.Option(help="With --checkpoint: what you call the editing method.")] = None
    erases: Annotated[bool, typer.Option("--erases", help="With --checkpoint: it only erases, to no destination.")] = (
        False
    )
    task: Annotated[str | None, typer.Option(help="What is edited and measured: iceb list tasks.")] = None
    num_edits: Annotated[int | None, typer.Option(help="How many concepts are edited at once.")] = None
    requests: Annotated[
        Path | None, typer.Option(help="Instead of --task: your own, JSON or CSV rows of source, dest, prompts …")
    ] = None

    def method_name(self) -> str:
        """The method's registered name, or the name of the model from elsewhere.

        Raises:
            SpecError: none was named, or two were.
        """
        from iceb.base.errors import SpecError

        if (self.method is None) == (self.checkpoint is None):
            raise SpecError("nothing, or two things, to edit with: give either --method or --checkpoint")
        if self.method is not None and self.name is not None:
            raise SpecError(f"--name {self.name}: is for --checkpoint; a method has its own name")
        return self.method or self.name or "checkpoint"


@options.expand_groups
def evaluate(
    *,
    asked: Asked,
    repetition: options.Repetition,
    model: options.Model = "mini",
    data: options.Data = None,
    settings: options.Settings = None,
    recipe: options.Recipe = None,
    scope: options.Scope,
    sampling: options.Sampling,
    computation: options.Computation,
    cache: options.Cache = None,
    out: options.Out = Path("runs"),
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Edit, draw before and after, measure, and write one result; what was made before is reused."""
    chosen, execution, method = values.settings(settings or []), computation.execution(), asked.method_name()
    silence_libraries()
    from iceb.cli.prompts import task_ask

    ask = task_ask(
        *(asked.task, asked.num_edits, asked.requests, model, data, tuple(scope.metric or ())),
        method=method,
        checkpoint=asked.checkpoint,
        erases=asked.erases,
        repeats=repetition.repeats(),
        settings=chosen,
        recipe=recipe,
        with_tasks=tuple(scope.with_tasks or ()),
        sampling=sampling.changes(),
        limit=scope.limit,
        share=scope.share,
        dtype=values.dtype(computation.dtype),
        execution=execution,
        cache=cache,
    )
    _evaluate(ask, out, dry_run=dry_run, as_json=as_json)


def _evaluate(ask: "Ask", out: Path, *, dry_run: bool, as_json: bool) -> None:
    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary
    from iceb.running.plan import plan
    from iceb.running.run_folder import run

    planned = plan(ask, may_fetch=not dry_run)
    if dry_run:
        _print_plan(planned, as_json=as_json)
        return
    for line in planned.lines():
        typer.echo(with_options(line), err=True)
    with show_progress():
        result, path = run(planned, out)
    if as_json:
        typer.echo(result.to_json(), nl=False)
    summary(result, path, on_stderr=as_json)


def _print_plan(planned: "Plan", *, as_json: bool) -> None:
    if not as_json:
        typer.echo(
            "\n".join([*map(with_options, planned.lines()), f"run {planned.spec.id}; nothing was made (--dry-run)"])
        )
        return
    import dataclasses
    import json

    document: dict[str, Any] = {
        "id": planned.spec.id,
        "spec": planned.spec.model_dump(mode="json"),
        "edits_cached": planned.edits_cached,
        "images": [dataclasses.asdict(counts) for counts in planned.counts],
    }
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))

"""`iceb edit`: make an edit and save it to a folder, from which `iceb apply` makes an edited model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.wording import size_text
from iceb.cli import options, values
from iceb.cli.option_names import with_options
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.delivery.save import EditAsk
    from iceb.specs.deltas import Form, Manifest
    from iceb.specs.requests import EditRequest

FORMS: "tuple[Form, ...]" = ("full", "matrix")


@dataclass(frozen=True)
class Concepts:
    """Options that say what is edited: a task's requests, or the user's own."""

    task: Annotated[
        str | None,
        typer.Option(
            help="Edit this task's concepts (with --num-edits). With your own concepts: take the recipe for this task."
        ),
    ] = None
    num_edits: Annotated[int | None, typer.Option(help="How many of the task's concepts are edited at once.")] = None
    requests: Annotated[
        Path | None,
        typer.Option(help="A file of your own concepts: JSON or CSV rows of source, dest, prompts, aliases, seed."),
    ] = None
    source: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A concept to edit; may be repeated.")] = None
    dest: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What each source becomes, in the same order; without it they are erased."),
    ] = None

    def own_requests(self) -> "tuple[EditRequest, ...]":
        """The requests that are not a task's.

        Raises:
            SpecError: nothing was asked for, or two things were.
        """
        from iceb.datasets.user_requests import own_requests

        return own_requests(self.requests, self.source or [], self.dest or [], self.task, self.num_edits)


@options.expand_groups
def edit(
    *,
    method: options.Method,
    concepts: Concepts,
    model: options.Model = "mini",
    data: options.Data = None,
    settings: options.Settings = None,
    recipe: options.Recipe = None,
    computation: options.Computation,
    cache: options.Cache = None,
    form: Annotated[
        str, typer.Option(help="full: whole tensors. matrix: one small matrix, if the method supports it.")
    ] = "full",
    out: Annotated[Path, typer.Option(help="The folder to write; it must not exist.")] = Path("edit"),
) -> None:
    """Make an edit and save it to a folder.

    Needs --method, and --task with --num-edits, or --requests, or --source (and --dest). The folder holds the changed
    weights and a manifest; iceb apply makes a model of it.
    """
    own = concepts.own_requests()
    chosen, execution = values.settings(settings or []), computation.execution()
    silence_libraries()
    from iceb.delivery.save import EditAsk

    ask = EditAsk(
        method=method,
        task=concepts.task,
        num_edits=concepts.num_edits,
        requests=own,
        model=model,
        data=data,
        settings=chosen,
        recipe=recipe,
        dtype=values.dtype(computation.dtype),
        execution=execution,
        cache=cache,
        form=_form(form),
    )
    _save(ask, out)


def _save(ask: "EditAsk", out: Path) -> None:
    from iceb.cli.progress import show_progress
    from iceb.delivery.save import order, save

    ordered = order(ask)
    for line in ordered.lines():
        typer.echo(with_options(line), err=True)
    with show_progress():
        manifest = save(ordered, out)
    typer.echo("\n".join(_next_steps(manifest, ask.model, out)))


def _form(text: str) -> "Form":
    from iceb.base.errors import SpecError
    from iceb.base.messages import shorten

    for known in FORMS:
        if text == known:
            return known
    raise SpecError(f"--form {shorten(text)}: must be one of {', '.join(FORMS)}")


def _next_steps(manifest: "Manifest", model: str, out: Path) -> list[str]:
    """Describe what was saved, and the command to use it."""
    delta = manifest.delta
    lines = [f"saved: {out}"]
    if delta is not None:
        by = f", {len(delta.by_matrix)} of them as a matrix" if delta.by_matrix else ""
        lines.append(f"{len(delta.parameters)} parameters{by}, {size_text(delta.bytes)}")
    if manifest.rewrites or manifest.negative_prompt:
        return [*lines, "this edit changes prompts, which no folder of weights can hold: the manifest says how"]
    return [*lines, f"next: iceb apply {model} {out} --out FOLDER"]

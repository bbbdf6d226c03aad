"""`iceb edit`: make an edit as a run makes it, and save it, to be applied to its base model anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.wording import size_text
from iceb.cli import options, values
from iceb.cli.evaluate import quiet

if TYPE_CHECKING:
    from iceb.specs.deltas import Form, Manifest
    from iceb.specs.requests import EditRequest

FORMS: "tuple[Form, ...]" = ("full", "matrix")


def edit(
    method: options.Method,
    task: Annotated[
        str | None, typer.Option(help="Whose requests, with --num-edits; or whose recipe, with yours.")
    ] = None,
    num_edits: Annotated[int | None, typer.Option(help="How many of the task's concepts are edited at once.")] = None,
    requests: Annotated[
        Path | None, typer.Option(help="Your own: JSON or CSV rows of source, dest, prompts, aliases, seed.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="A concept to edit; may be repeated.")] = None,
    dest: Annotated[list[str] | None, typer.Option(help="What it becomes, in the same order; none erases.")] = None,
    model: options.Model = "mini",
    data: options.Data = None,
    settings: options.Settings = None,
    recipe: options.Recipe = None,
    dtype: options.Dtype = "float32",
    device: options.Device = "auto",
    images_per_pass: options.ImagesPerPass = None,
    concepts_at_once: options.ConceptsAtOnce = None,
    precision: options.Precision = "float32",
    workers: options.Workers = None,
    cache: options.Cache = None,
    form: Annotated[str, typer.Option(help="full tensors, or matrix: W' = W M where the method has one.")] = "full",
    out: Annotated[Path, typer.Option(help="The folder to write; it must not exist.")] = Path("edit"),
) -> None:
    """Make an edit and save it: the changed weights and a manifest; `iceb apply` makes a model of it."""
    own = _own(task, num_edits, requests, source or [], dest or [])
    chosen = values.settings(settings or [])
    execution = values.execution(device, images_per_pass, concepts_at_once, precision, workers)
    quiet()
    from iceb.cli.progress import show_progress
    from iceb.delivery.save import EditAsk, order, save

    ask = EditAsk(
        method=method,
        task=task,
        num_edits=num_edits,
        requests=own,
        model=model,
        data=data,
        settings=chosen,
        recipe=recipe,
        dtype=values.dtype(dtype),
        execution=execution,
        cache=cache,
        form=_form(form),
    )
    ordered = order(ask)
    for line in ordered.lines():
        typer.echo(line, err=True)
    with show_progress():
        manifest = save(ordered, out)
    typer.echo("\n".join(_next_steps(manifest, model, out)))


def _own(
    task: str | None, num_edits: int | None, file: Path | None, sources: list[str], dests: list[str]
) -> "tuple[EditRequest, ...]":
    """The requests that are not a task's."""
    from iceb.base.errors import SpecError
    from iceb.datasets.user_requests import read_requests, typed_requests

    if file is None and not sources and not dests:
        if task is None or num_edits is None:
            raise SpecError("nothing to edit: give --task and --num-edits, or --requests, or --source and --dest")
        return ()
    if file is not None and (sources or dests):
        raise SpecError("--requests and --source both name requests: choose one of them")
    if num_edits is not None:
        raise SpecError(f"--num-edits {num_edits}: is for a task's requests; your own are all edited")
    return read_requests(file) if file is not None else typed_requests(sources, dests)


def _form(text: str) -> "Form":
    from iceb.base.errors import SpecError
    from iceb.base.messages import shorten

    for known in FORMS:
        if text == known:
            return known
    raise SpecError(f"--form {shorten(text)}: must be one of {', '.join(FORMS)}")


def _next_steps(manifest: "Manifest", model: str, out: Path) -> list[str]:
    """What was saved, and what to do with it."""
    delta = manifest.delta
    lines = [f"saved: {out}"]
    if delta is not None:
        by = f", {len(delta.by_matrix)} of them as a matrix" if delta.by_matrix else ""
        lines.append(f"{len(delta.parameters)} parameters{by}, {size_text(delta.bytes)}")
    if manifest.rewrites or manifest.negative_prompt:
        return [*lines, "this edit changes prompts, which no folder of weights can hold: the manifest says how"]
    return [*lines, f"next: iceb apply {model} {out} --out FOLDER"]

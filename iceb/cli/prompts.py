"""`iceb show`, and above all `iceb show prompts`: list what a task draws, for programs that draw it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from iceb.cli import listing, options
from iceb.cli.listing import ShowKind
from iceb.cli.quiet import silence_libraries


@dataclass(frozen=True)
class Prompts:
    """Options of `iceb show prompts`."""

    num_edits: Annotated[
        int | None, typer.Option(help="Only for show prompts: how many concepts are edited at once.")
    ] = None
    model: Annotated[str, typer.Option(help="Only for show prompts: the model that is edited.")] = "mini"
    data: Annotated[
        str | None,
        typer.Option(
            help="Only for show prompts: where the task's files come from: embedded, upstream, or a folder. "
            "Default: embedded on mini, else upstream."
        ),
    ] = None
    requests: Annotated[Path | None, typer.Option(help="Only for show prompts own: your file of requests.")] = None
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="Only for show prompts: a metric beside the task's own; may be repeated."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Only for show prompts: everything as one JSON object.")] = (
        False
    )


@options.expand_groups
def show(
    *,
    kind: Annotated[str, typer.Argument(help="The kind of thing.", metavar="|".join(ShowKind))],
    name: Annotated[str | None, typer.Argument(help="Its name; for a result its file, for prompts their task.")] = None,
    prompts: Prompts,
) -> None:
    """Show one task, method, metric, dataset or result.

    show result PATH prints the scores of a run, show schema the JSON schema of results, and show prompts TASK what a
    task draws.
    """
    from iceb.base.errors import SpecError

    if kind != ShowKind.prompts:
        if prompts != Prompts():
            raise SpecError(f"iceb show {kind} takes no options: they are for iceb show prompts TASK --num-edits N")
        listing.show(kind, name)
        return
    if name is None:
        raise SpecError("iceb show prompts needs a task: iceb list tasks shows them; own is for --requests FILE")
    _show_prompts(name, prompts)


def _show_prompts(task: str, asked: Prompts) -> None:
    """Print the prompts of a task, a line each, or all that another program needs as JSON."""
    from iceb.running.asking import ask_of
    from iceb.running.prompt_files import prompt_list
    from iceb.running.score_images import open_task

    silence_libraries()
    ask = ask_of(task, asked.num_edits, asked.requests, asked.model, asked.data, tuple(asked.metric or ()))
    found: dict[str, Any] = prompt_list(open_task(ask))
    if asked.as_json:
        typer.echo(json.dumps({**_drawing(asked.model), **found}, indent=2, ensure_ascii=False))
        return
    for prompt in found["prompts"]:
        sides = "+".join(side for side in ("before", "after") if prompt[side])
        typer.echo(f"{prompt['id']}  {prompt['role']:<9} {sides:<12} seed {prompt['seed']:<10} {prompt['text']}")
    images = {prompt[side] for prompt in found["prompts"] for side in ("before", "after") if prompt[side]}
    typer.echo(f"{len(found['prompts'])} prompts, {len(images)} images; --json says how they are drawn and handed in")


def _drawing(model: str) -> dict[str, Any]:
    """Return how the model draws unless somebody asks otherwise."""
    import dataclasses

    from iceb.models.sources import find

    source = find(model)
    return {
        "model": source.ref.repo,
        "revision": source.ref.revision,
        "sampling": dataclasses.asdict(source.family.sampling),
    }

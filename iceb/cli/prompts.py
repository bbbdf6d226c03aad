"""`iceb show prompts`: what a task draws, for other programs: texts, seeds, ids, files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.cli import listing, options
from iceb.cli.listing import ShowKind
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.running.plan import Ask


@dataclass(frozen=True)
class Prompts:
    """Options of `iceb show prompts`."""

    num_edits: Annotated[int | None, typer.Option(help="Of prompts: how many concepts are edited at once.")] = None
    model: Annotated[str, typer.Option(help="Of prompts: the model that is edited, as for evaluate.")] = "mini"
    data: options.Data = None
    requests: Annotated[Path | None, typer.Option(help="Of prompts own: your file of requests.")] = None
    metric: options.Metrics = None
    as_json: Annotated[bool, typer.Option("--json", help="Of prompts: everything, as one JSON object.")] = False


@options.expand_groups
def show(
    *,
    kind: Annotated[str, typer.Argument(help="The kind of thing.", metavar="|".join(ShowKind))],
    name: Annotated[str | None, typer.Argument(help="Its name; for a result its file, for prompts their task.")] = None,
    prompts: Prompts,
) -> None:
    """Show a card (fields, parameters with defaults, paper), a result, or a task's prompts."""
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
    from iceb.running.prompt_files import prompt_list
    from iceb.running.score_images import open_task

    silence_libraries()
    ask = task_ask(task, asked.num_edits, asked.requests, asked.model, asked.data, tuple(asked.metric or ()))
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


def task_ask(
    task: str | None,
    num_edits: int | None,
    requests: Path | None,
    model: str,
    data: str | None,
    metrics: tuple[str, ...],
    **more: Any,
) -> "Ask":
    """Make what is asked of a task, or of a user's own requests, from a command's options.

    Raises:
        SpecError: neither was named, or both.
    """
    from iceb.running.asking import ask_of

    return ask_of(task, num_edits, requests, model, data, metrics, **more)

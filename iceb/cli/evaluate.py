"""`iceb evaluate`: the main job. Its options become an `Ask`; the plan is printed before any work, the scores after."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from iceb.running.plan import Ask, Plan

QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}


def evaluate(
    method: Annotated[str, typer.Option(help="What edits the model: iceb list methods.")],
    task: Annotated[str, typer.Option(help="What is edited and measured: iceb list tasks.")],
    num_edits: Annotated[int, typer.Option(help="How many concepts are edited at once.")],
    model: Annotated[str, typer.Option(help="mini, sd14, sd15, sd21, sdxl, or a folder.")] = "mini",
    data: Annotated[
        str | None,
        typer.Option(help="embedded, upstream, or a folder; default embedded on mini, upstream elsewhere."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe file instead of the one that ships.")] = None,
    limit: Annotated[int | None, typer.Option(help="Prompts per role; the result is then partial.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="pndm, ddim or dpm++; default the model's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; default the model's.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; default the model's.")] = None,
    noise: Annotated[str | None, typer.Option(help="per_image, or upstream: as the published numbers.")] = None,
    dtype: Annotated[str, typer.Option(help="float32, float16 or bfloat16.")] = "float32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    batch_size: Annotated[int | None, typer.Option(help="Pictures prepared together; changes no picture.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Default ICEB_CACHE or ~/.cache/iceb.")] = None,
    out: Annotated[Path, typer.Option(help="Where run folders are written.")] = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result's JSON on stdout, nothing else.")] = False,
) -> None:
    """Edit, draw before and after, measure, and write one result; what was made before is reused."""
    from iceb.base.errors import SpecError
    from iceb.cli import values

    if num_edits < 1:
        raise SpecError(f"--num-edits {num_edits}: must be at least 1")
    changes = {"scheduler": scheduler, "steps": steps, "guidance": guidance, "noise": noise}
    chosen = values.settings(settings or [])
    quiet()
    from iceb.running.plan import Ask

    _evaluate(
        Ask(
            task=task,
            method=method,
            num_edits=num_edits,
            model=model,
            data=data,
            settings=chosen,
            recipe=recipe,
            sampling={name: value for name, value in changes.items() if value is not None},
            limit=limit,
            dtype=values.dtype(dtype),
            device=device,
            batch_size=batch_size,
            cache=cache,
        ),
        out,
        dry_run=dry_run,
        as_json=as_json,
    )


def quiet() -> None:
    """Libraries keep their notes to themselves: stderr is for the plan, the progress and one line of complaint."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")


def _evaluate(ask: "Ask", out: Path, *, dry_run: bool, as_json: bool) -> None:
    from iceb.cli.progress import shown
    from iceb.cli.report import summary
    from iceb.running.evaluate import run
    from iceb.running.plan import plan

    planned = plan(ask)
    if dry_run:
        _print_plan(planned, as_json=as_json)
        return
    for line in planned.lines():
        typer.echo(line, err=True)
    with shown():
        result, path = run(planned, out)
    if as_json:
        typer.echo(result.to_json(), nl=False)
    summary(result, path, on_stderr=as_json)


def _print_plan(planned: "Plan", *, as_json: bool) -> None:
    if not as_json:
        typer.echo("\n".join([*planned.lines(), f"run {planned.spec.id}; nothing was made (--dry-run)"]))
        return
    import dataclasses
    import json

    document: dict[str, Any] = {
        "id": planned.spec.id,
        "spec": planned.spec.model_dump(mode="json"),
        "edits_cached": planned.edits_cached,
        "pictures": [dataclasses.asdict(stock) for stock in planned.stock()],
    }
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))

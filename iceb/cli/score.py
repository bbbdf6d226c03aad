"""`iceb score`: compute metrics from the stored images of a run, or from images that you hand in."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from iceb.cli import options, values
from iceb.cli.quiet import silence_libraries

SHOWN = 3  # files that are of no prompt, named


@dataclass(frozen=True)
class Elsewhere:
    """Options of images that other programs drew."""

    images: Annotated[
        Path | None,
        typer.Option(
            help="Score images that another program drew: a folder with before/ and after/, or a .jsonl manifest."
        ),
    ] = None
    before: Annotated[
        Path | None,
        typer.Option(help="With --images: the folder of the unedited model's images, if it is another one."),
    ] = None
    task: Annotated[str | None, typer.Option(help="With --images: the task whose prompts they show.")] = None
    num_edits: Annotated[int | None, typer.Option(help="With --images: how many concepts were edited.")] = None
    requests: Annotated[Path | None, typer.Option(help="With --images: your own requests instead of a task.")] = None
    name: Annotated[str, typer.Option(help="With --images: what you call the editing method.")] = "images"
    draw_before: Annotated[
        bool,
        typer.Option("--draw-before", help="With --images: draw the unedited model's images here, to compare with."),
    ] = False
    erases: Annotated[bool, typer.Option("--erases", help="With --images: the edit has no destinations.")] = False
    model: options.Model = "mini"
    data: options.Data = None
    limit: options.Limit = None
    dtype: options.Dtype = "float32"
    out: options.Out = Path("runs")


@options.expand_groups
def score(
    *,
    run: Annotated[Path | None, typer.Argument(help="A run's folder, or its result.json; none with --images.")] = None,
    elsewhere: Elsewhere,
    sampling: options.SamplingOptions,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="A metric; may be repeated. Default: the run's or task's own."),
    ] = None,
    device: Annotated[str, typer.Option(help="The device that measures run on: cpu, cuda …")] = "cpu",
    cache: options.Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as a JSON list on stdout, nothing else.")] = False,
) -> None:
    """Compute metrics from stored images or your own.

    Needs a run's folder (its images are in the cache), or --images with --task and --num-edits (or --requests). No
    edited model is loaded.
    """
    from iceb.base.errors import SpecError

    if run is None and elsewhere.images is None:
        raise SpecError("nothing to score: name a run's folder, or images of another program with --images")
    if run is not None and elsewhere.images is not None:
        raise SpecError("a run's folder and --images both say what is scored: leave one of them out")
    silence_libraries()
    if elsewhere.images is not None:
        _score_images(elsewhere, elsewhere.images, sampling, tuple(metric or ()), device, cache, as_json)
        return
    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary
    from iceb.running.rescore import rescore
    from iceb.runs.withheld import refuse_withheld

    with show_progress():
        result = rescore(Path(str(run)), metric or (), cache, device)
    if as_json:
        typer.echo(json.dumps([each.model_dump() for each in result.scores], indent=2, ensure_ascii=False))
    else:
        summary(result, cost=False)
    refuse_withheld(result)


def _score_images(
    asked: Elsewhere,
    images: Path,
    sampling: options.SamplingOptions,
    metrics: tuple[str, ...],
    device: str,
    cache: Path | None,
    as_json: bool,
) -> None:
    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary
    from iceb.running.asking import ask_of
    from iceb.running.score_images import HandedIn, score_images
    from iceb.runs.withheld import refuse_withheld
    from iceb.specs.execution import Execution

    ask = ask_of(
        *(asked.task, asked.num_edits, asked.requests, asked.model, asked.data, metrics),
        method=asked.name,
        sampling=sampling.changes(),
        limit=asked.limit,
        dtype=values.dtype(asked.dtype),
        execution=Execution(device=device),
        cache=cache,
    )
    with show_progress():
        handed = HandedIn(images, asked.before, asked.erases, asked.draw_before)
        result, path, taken = score_images(ask, handed, asked.out)
    for place in taken.unknown[:SHOWN]:
        typer.echo(f"note: {place} is of no prompt of this task, and was passed over", err=True)
    if len(taken.unknown) > SHOWN:
        typer.echo(f"note: and {len(taken.unknown) - SHOWN} more such files", err=True)
    if as_json:
        typer.echo(json.dumps([each.model_dump() for each in result.scores], indent=2, ensure_ascii=False))
    else:
        summary(result, path, cost=False)
    refuse_withheld(result)

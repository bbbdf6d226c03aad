"""Options that commands share: names, help and types, and groups of them as dataclasses."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from iceb.api.arguments import Computing, Drawing
from iceb.base.cache import WHERE
from iceb.cli.grouped_help import COMPUTING, DRAWING, EDITED, METRICS, OUTPUT, SETTINGS, SIZE
from iceb.specs.execution import Execution

# Options of the request
Method: TypeAlias = Annotated[str, typer.Option(help="What edits the model: iceb list methods.")]
Draws: TypeAlias = Annotated[
    int,
    typer.Option(
        help="Repeat the edit on this many disjoint sets of concepts and pool the scores.", rich_help_panel=SIZE
    ),
]
Replicates: TypeAlias = Annotated[
    int,
    typer.Option(help="Repeat each edit with this many training seeds and pool the scores.", rich_help_panel=SIZE),
]
Model: TypeAlias = Annotated[
    str,
    typer.Option(help="The model that is edited: mini, sd14, sd15, sd21, sdxl, or a folder.", rich_help_panel=EDITED),
]
Data: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Where the task's files come from: embedded (ships with ICEB), upstream (the authors' files) or a folder. "
        "Default: embedded on mini, else upstream.",
        rich_help_panel=EDITED,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A setting of the method; may be repeated.", rich_help_panel=SETTINGS
    ),
]
WHICH = "Settings to use: published, tuned, or a recipe file"
DEFAULT_RECIPE = "Default: tuned where a recipe ships, else the method's own defaults."
Recipe: TypeAlias = Annotated[str | None, typer.Option(help=f"{WHICH}. {DEFAULT_RECIPE}", rich_help_panel=SETTINGS)]
Recipes: TypeAlias = Annotated[
    str | None,
    typer.Option(help=f"{WHICH}; both words, with a comma, make a sweep. {DEFAULT_RECIPE}", rich_help_panel=SETTINGS),
]
Metrics: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="A metric beside the task's own; may be repeated: iceb list metrics.",
        rich_help_panel=METRICS,
    ),
]
WithTasks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="TASK[=COUNT]",
        help="Also draw and score another task's shared prompts, for example preservation=500; may be repeated.",
        rich_help_panel=METRICS,
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Draw at most this many prompts of each role, for a first look. Such a result gets no rank.",
        rich_help_panel=SIZE,
    ),
]
Share: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Draw only this random share of the images, for example 0.25. Such a result gets no rank.",
        rich_help_panel=SIZE,
    ),
]

# Options of drawing
Scheduler: TypeAlias = Annotated[
    str | None, typer.Option(help="pndm, ddim or dpm++. Default: the model's.", rich_help_panel=DRAWING)
]
Steps: TypeAlias = Annotated[
    int | None, typer.Option(help="Denoising steps. Default: the model's.", rich_help_panel=DRAWING)
]
Guidance: TypeAlias = Annotated[
    float | None, typer.Option(help="Guidance scale. Default: the model's.", rich_help_panel=DRAWING)
]
Noise: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="per_image (each image has noise of its own seed) or upstream (as the published numbers were drawn). "
        "Default: per_image.",
        rich_help_panel=DRAWING,
    ),
]

# Options of execution; only --dtype and --precision change a run's id
Dtype: TypeAlias = Annotated[
    str,
    typer.Option(help="The model's number format: float32, float16 or bfloat16.", rich_help_panel=COMPUTING),
]
Device: TypeAlias = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …", rich_help_panel=COMPUTING)]
ImagesPerPass: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Images drawn or measured together; halved if memory runs out. Default: by model and device.",
        rich_help_panel=COMPUTING,
    ),
]
ConceptsAtOnce: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Concepts that a method trains together; halved if memory runs out. Default: the method's own number.",
        rich_help_panel=COMPUTING,
    ),
]
Precision: TypeAlias = Annotated[
    str,
    typer.Option(help="Number format of training passes: float32, tf32 or bfloat16.", rich_help_panel=COMPUTING),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Threads on a CPU, processes on several GPUs. Default: torch's own number, one process a GPU.",
        rich_help_panel=COMPUTING,
    ),
]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help=f"The cache: a folder, or a URL such as s3://bucket/iceb (docs/clusters.md). Default: {WHERE}.",
        rich_help_panel=OUTPUT,
    ),
]
Out: TypeAlias = Annotated[Path, typer.Option(help="Where run folders are written.", rich_help_panel=OUTPUT)]

# Options of output
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.", rich_help_panel=OUTPUT)]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="The result as JSON on stdout, nothing else.", rich_help_panel=OUTPUT)
]


@dataclasses.dataclass(frozen=True)
class Repetition:
    """Options of how often an edit is made within a run."""

    draws: Draws = 1
    replicates: Replicates = 1


@dataclasses.dataclass(frozen=True)
class ScopeOptions:
    """Options of what is drawn and computed beside, or instead of all of, the task's own."""

    metric: Metrics = None
    with_tasks: WithTasks = None
    limit: Limit = None
    share: Share = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of Python that say the same."""
        several = {"metrics": tuple(self.metric or ()), "with_tasks": tuple(self.with_tasks or ())}
        return {**several, "limit": self.limit, "share": self.share}


@dataclasses.dataclass(frozen=True)
class SamplingOptions:
    """Options of drawing; None leaves the model's own."""

    scheduler: Scheduler = None
    steps: Steps = None
    guidance: Guidance = None
    noise: Noise = None

    def changes(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return Drawing(**vars(self)).sampling()


@dataclasses.dataclass(frozen=True)
class Computation:
    """Options of number format, speed and memory."""

    dtype: Dtype = "float32"
    device: Device = "auto"
    images_per_pass: ImagesPerPass = None
    concepts_at_once: ConceptsAtOnce = None
    precision: Precision = "float32"
    workers: Workers = None

    def execution(self) -> Execution:
        """The settings of speed and memory.

        Raises:
            SpecError: a size that is no count, or an unknown precision.
        """
        return Computing(**vars(self)).execution()


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a command's dataclass parameters into one option per field."""
    signature = inspect.signature(command)
    groups = {each.name: each.annotation for each in signature.parameters.values() if _is_group(each)}

    @functools.wraps(command)
    def flat_command(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
        command(**given)

    parameters = [option for each in signature.parameters.values() for option in _options(each)]
    flat_command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    flat_command.__annotations__ = {each.name: each.annotation for each in parameters}
    return flat_command


def _is_group(parameter: inspect.Parameter) -> bool:
    return dataclasses.is_dataclass(parameter.annotation)


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The parameter itself, or one for each field of a group."""
    kind = inspect.Parameter.KEYWORD_ONLY
    if not _is_group(parameter):
        yield parameter.replace(kind=kind)
        return
    for field in dataclasses.fields(parameter.annotation):
        yield inspect.Parameter(field.name, kind, default=field.default, annotation=field.type)

"""Options that commands share: names, help and types, and groups of them as dataclasses."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import typer

from iceb.base.cache import WHERE
from iceb.specs.execution import Execution
from iceb.specs.repeats import Repeats
from iceb.specs.runs import Precision as TrainingPrecision

# Options of the request
Method: TypeAlias = Annotated[str, typer.Option(help="What edits the model: iceb list methods.")]
Task: TypeAlias = Annotated[str, typer.Option(help="What is edited and measured: iceb list tasks.")]
NumEdits: TypeAlias = Annotated[int, typer.Option(help="How many concepts are edited at once.")]
Draws: TypeAlias = Annotated[
    int, typer.Option(help="Disjoint sets of --num-edits concepts, each edited alone; scores are pooled.")
]
Replicates: TypeAlias = Annotated[
    int, typer.Option(help="Training seeds with which each set is edited; scores are pooled.")
]
Model: TypeAlias = Annotated[str, typer.Option(help="mini, sd14, sd15, sd21, sdxl, or a folder.")]
Data: TypeAlias = Annotated[
    str | None, typer.Option(help="embedded, upstream, or a folder; default embedded on mini, upstream elsewhere.")
]
Settings: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the method; may be repeated.")
]
Recipe: TypeAlias = Annotated[
    str | None, typer.Option(help="published or tuned: settings of the recipe that ships; or a recipe file.")
]
Recipes: TypeAlias = Annotated[
    str | None, typer.Option(help="published or tuned: settings of the recipe that ships; or a file; or several.")
]
Metrics: TypeAlias = Annotated[
    list[str] | None, typer.Option("--metric", help="A metric beside the task's own; may be repeated.")
]
WithTasks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="TASK[=COUNT]", help="Another task's shared prompts and metrics as well: preservation=500."
    ),
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(help="Prompts per role, evenly over concepts; the result is then partial.")
]

Share: TypeAlias = Annotated[
    float | None,
    typer.Option(help="This part of each role's images, at random: unbiased means; the result is then partial."),
]

# Options of drawing
Scheduler: TypeAlias = Annotated[str | None, typer.Option(help="pndm, ddim or dpm++; default the model's.")]
Steps: TypeAlias = Annotated[int | None, typer.Option(help="Denoising steps; default the model's.")]
Guidance: TypeAlias = Annotated[float | None, typer.Option(help="Guidance scale; default the model's.")]
Noise: TypeAlias = Annotated[str | None, typer.Option(help="per_image, or upstream: as the published numbers.")]

# Options of execution; only --dtype and --precision change a run's id
Dtype: TypeAlias = Annotated[str, typer.Option(help="float32, float16 or bfloat16.")]
Device: TypeAlias = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]
ImagesPerPass: TypeAlias = Annotated[
    int | None, typer.Option(help="Images drawn, or measured, together; halved where memory does not suffice.")
]
ConceptsAtOnce: TypeAlias = Annotated[
    int | None, typer.Option(help="Concepts that a method trains together; halved likewise.")
]
Precision: TypeAlias = Annotated[str, typer.Option(help="Of training passes: float32, tf32 or bfloat16.")]
Workers: TypeAlias = Annotated[int | None, typer.Option(help="Threads on a CPU; default torch's own number.")]
Cache: TypeAlias = Annotated[Path | None, typer.Option(help=f"Default {WHERE}.")]
Out: TypeAlias = Annotated[Path, typer.Option(help="Where run folders are written.")]

# Options of output
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="The result's JSON on stdout, nothing else.")]


@dataclasses.dataclass(frozen=True)
class Repetition:
    """Options of how often an edit is made within a run."""

    draws: Draws = 1
    replicates: Replicates = 1

    def repeats(self) -> Repeats:
        """The numbers of draws and seeds.

        Raises:
            SpecError: one is no count.
        """
        return Repeats(self.draws, self.replicates)


@dataclasses.dataclass(frozen=True)
class Scope:
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
class Sampling:
    """Options of drawing; None leaves the model's own."""

    scheduler: Scheduler = None
    steps: Steps = None
    guidance: Guidance = None
    noise: Noise = None

    def changes(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


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
        return Execution(
            device=self.device,
            images_per_pass=self.images_per_pass,
            concepts_at_once=self.concepts_at_once,
            precision=cast(TrainingPrecision, self.precision),  # which Execution checks
            workers=self.workers,
        )


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

"""Arguments of functions that edit or measure, in groups that several share; None leaves a default."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iceb.base.fields import default_of
from iceb.specs.execution import Execution
from iceb.specs.runs import Dtype, Precision, Scalar

if TYPE_CHECKING:
    from iceb.running.given_method import GivenMethod
    from iceb.running.plan import Ask

Place = str | Path
NAMES = {"settings": "set", "metrics": "metric", "with_tasks": "with"}  # arguments whose option has another name


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Arguments of drawing.

    Attributes:
        scheduler: "pndm", "ddim" or "dpm++"; None: the model's.
        steps: denoising steps; None: the model's.
        guidance: scale of classifier-free guidance; None: the model's.
        noise: "per_image", or "upstream" as the published numbers were drawn; None: the model's.
    """

    scheduler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    noise: str | None = None

    def sampling(self) -> dict[str, Any]:
        """The fields of the model's sampling that differ."""
        found = {name: getattr(self, name) for name in ("scheduler", "steps", "guidance", "noise")}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Computing:
    """Number format, speed and memory; only the first and `precision` change a run's id.

    Attributes:
        dtype: "float32", "float16" or "bfloat16".
        device: "auto", "cpu", "cuda", "cuda:1" …
        images_per_pass: drawn, or measured, together; None: as the model's family has it.
        concepts_at_once: trained together; None: as the method has it.
        precision: of training passes, "float32", "tf32" or "bfloat16".
        workers: threads on a CPU, processes on several GPUs; None: torch's own number, one process a GPU.
    """

    dtype: str = "float32"
    device: str = "auto"
    images_per_pass: int | None = None
    concepts_at_once: int | None = None
    precision: str = "float32"
    workers: int | None = None

    def execution(self) -> Execution:
        """The settings of speed and memory."""
        return Execution(
            device=self.device,
            images_per_pass=self.images_per_pass,
            concepts_at_once=self.concepts_at_once,
            precision=cast(Precision, self.precision),  # which Execution checks
            workers=self.workers,
        )

    def number_format(self) -> Dtype:
        """The number format, which the model's reference checks."""
        return cast(Dtype, self.dtype)


@dataclass(frozen=True, kw_only=True)
class OnModel:
    """The model, and where what is made is kept.

    Attributes:
        model: "mini", "sd14", "sd15", "sd21", "sdxl", or a folder.
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.
    """

    model: str = "mini"
    cache: Place | None = None


@dataclass(frozen=True, kw_only=True)
class Settings(OnModel):
    """A method's settings on a model.

    Attributes:
        settings: of the method, by name; over those of the recipe.
        recipe: "published" or "tuned" of the recipe that ships, or a file; None: tuned where there is such a part.
    """

    settings: Mapping[str, Scalar] = field(default_factory=dict)
    recipe: Place | None = None


@dataclass(frozen=True, kw_only=True)
class Scope(OnModel, Drawing, Computing):
    """Arguments that the runs of a sweep share, and that one run has as well.

    Attributes:
        draws: disjoint sets of `num_edits` concepts, each edited alone; scores are pooled.
        replicates: training seeds with which each set is edited; scores are pooled.
        data: "embedded", "upstream" or a folder; None: embedded on mini, upstream elsewhere.
        metrics: beside the tasks' own.
        with_tasks: other tasks' shared prompts and metrics as well, "preservation=500".
        limit: prompts per role, evenly over concepts; results are then partial.
        share: the part of the images or concepts to draw, at random, above 0 and below 1; likewise partial.
        ray: share the work among tasks of Ray: "local" starts one here, "auto" is this node's cluster, or an address;
            `workers` are then a task's CPUs.
        out: the folder of runs.
    """

    draws: int = 1
    replicates: int = 1
    data: str | None = None
    metrics: Sequence[str] = ()
    with_tasks: Sequence[str] = ()
    limit: int | None = None
    share: float | None = None
    ray: str | None = None
    out: Place = "runs"

    def fields(self) -> dict[str, Any]:
        """The fields of `Ask` that say the same.

        Raises:
            SpecError: a size that is no count, or an unknown precision.
        """
        from iceb.specs.repeats import Repeats

        return {
            "model": self.model,
            "data": self.data,
            "metrics": tuple(self.metrics),
            "with_tasks": tuple(self.with_tasks),
            "sampling": self.sampling(),
            "limit": self.limit,
            "share": self.share,
            "dtype": self.number_format(),
            "execution": self.execution(),
            "cache": path_or_none(self.cache),
            "repeats": Repeats(self.draws, self.replicates),
        }


@dataclass(frozen=True, kw_only=True)
class Evaluation(Settings, Scope):
    """Arguments of a run.

    Attributes:
        method: a registered name; or a class, or an object with its settings, that implements `iceb.EditMethod`.
        checkpoint: in its place the folder of a model that was edited elsewhere.
        name: with `checkpoint`, what you call the editing method.
        erases: with `checkpoint`, it only erases, to no destination.
        task: what is edited and measured.
        num_edits: how many concepts are edited at once.
        requests: in the place of `task` a file of your own, JSON or CSV.
    """

    method: "GivenMethod | None" = None
    checkpoint: Place | None = None
    name: str | None = None
    erases: bool = False
    task: str | None = None
    num_edits: int | None = None
    requests: Place | None = None

    def ask(self) -> "Ask":
        """The run as the planner takes it.

        Raises:
            SpecError: nothing to edit, or nothing to edit with, or two of either.
        """
        from iceb.running.asking import ask_of
        from iceb.specs.outside import editing_method

        return ask_of(
            *(self.task, self.num_edits, path_or_none(self.requests)),
            method=editing_method(self.method, self.checkpoint, self.name),
            checkpoint=path_or_none(self.checkpoint),
            erases=self.erases,
            settings=self.settings,
            recipe=self.recipe,
            command=command_of("evaluate", self),
            **self.fields(),
        )


def path_or_none(place: Place | None) -> Path | None:
    """A place as a path; None stays."""
    return None if place is None else Path(place)


def command_of(name: str, asked: Any) -> tuple[str, ...]:
    """The command that asks for the same, for a result's provenance.

    A method that was given as a class or an object stands in it as module:class, which the command line does not take.

    >>> command_of("evaluate", Evaluation(method="uce", task="aice", num_edits=3, settings={"ridge": 2.0}, erases=True))
    ('iceb', 'evaluate', '--set', 'ridge=2.0', '--method', 'uce', '--erases', '--task', 'aice', '--num-edits', '3')
    """
    words = ["iceb", name]
    for each in fields(asked):
        value = getattr(asked, each.name)
        option = f"--{NAMES.get(each.name, each.name).replace('_', '-')}"
        if value == default_of(each):
            continue
        if isinstance(value, Mapping):
            parts = [f"{key}={json.dumps(part, default=str)}" for key, part in value.items()]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            parts = [",".join(value)] if each.name == "method" else [str(part) for part in value]
        else:
            parts = [] if value is True else [_text_of(each.name, value)]
        words += [option] if value is True else [word for part in parts for word in (option, part)]
    return tuple(words)


def _text_of(name: str, value: Any) -> str:
    if name != "method" or isinstance(value, str):
        return str(value)
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}:{kind.__qualname__}"

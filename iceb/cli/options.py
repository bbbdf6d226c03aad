"""The options of `iceb evaluate`: names, help and types; commands that ask for the same say it with the same words."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from iceb.base.cache import WHERE

# What is asked
Method: TypeAlias = Annotated[str, typer.Option(help="What edits the model: iceb list methods.")]
Task: TypeAlias = Annotated[str, typer.Option(help="What is edited and measured: iceb list tasks.")]
NumEdits: TypeAlias = Annotated[int, typer.Option(help="How many concepts are edited at once.")]
Model: TypeAlias = Annotated[str, typer.Option(help="mini, sd14, sd15, sd21, sdxl, or a folder.")]
Data: TypeAlias = Annotated[
    str | None, typer.Option(help="embedded, upstream, or a folder; default embedded on mini, upstream elsewhere.")
]
Settings: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated.")
]
Recipe: TypeAlias = Annotated[Path | None, typer.Option(help="A recipe file instead of the one that ships.")]
Metrics: TypeAlias = Annotated[
    list[str] | None, typer.Option("--metric", help="A metric beside the task's own; may be repeated.")
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(help="Prompts per role, evenly over concepts; the result is then partial.")
]

# How pictures are drawn
Scheduler: TypeAlias = Annotated[str | None, typer.Option(help="pndm, ddim or dpm++; default the model's.")]
Steps: TypeAlias = Annotated[int | None, typer.Option(help="Denoising steps; default the model's.")]
Guidance: TypeAlias = Annotated[float | None, typer.Option(help="Guidance scale; default the model's.")]
Noise: TypeAlias = Annotated[str | None, typer.Option(help="per_image, or upstream: as the published numbers.")]

# Where and how fast: of these --dtype and --precision alone change a run's id
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

# What is said
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="The result's JSON on stdout, nothing else.")]

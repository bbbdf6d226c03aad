"""`iceb check dataset|task|measure|metric NAME`: check that a registered object keeps its contract."""

from typing import Annotated

import typer

from iceb.cli import options
from iceb.cli.check_lines import report
from iceb.cli.quiet import silence_libraries

LinesAsJson = Annotated[bool, typer.Option("--json", help="The checks as JSON on stdout, nothing else.")]
DatasetData = Annotated[
    str | None, typer.Option(help="embedded, upstream, or a folder of the files. Default: where a run looks for them.")
]
TaskData = Annotated[
    str | None,
    typer.Option(help="embedded, upstream, or a folder. Default: the upstream files if they are here, else embedded."),
]


def dataset(
    name: Annotated[str, typer.Argument(help="A dataset: iceb list datasets.")],
    data: DatasetData = None,
    cache: options.Cache = None,
    as_json: LinesAsJson = False,
) -> None:
    """Check a dataset's card, files and prompts.

    No image is drawn, and nothing is fetched: a check that needs files which are not here is skipped.
    """
    from iceb.conformance.parts.datasets import check_dataset

    report("dataset", name, check_dataset(name, data, cache), as_json, {"data": data})


def task(
    name: Annotated[str, typer.Argument(help="A task: iceb list tasks.")],
    data: TaskData = None,
    cache: options.Cache = None,
    as_json: LinesAsJson = False,
) -> None:
    """Check that a task's parts fit together.

    Its dataset, roles, metrics, their measures, and the numbers of edits.
    """
    from iceb.conformance.parts.tasks import check_task

    report("task", name, check_task(name, data, cache), as_json, {"data": data})


def measure(
    name: Annotated[str, typer.Argument(help="A measure: iceb list measures.")],
    device: options.Device = "auto",
    as_json: LinesAsJson = False,
) -> None:
    """Check a measure on sample images.

    It must give one row an image, which depends on what the measure declares to read and not on the other images.
    """
    silence_libraries()
    from iceb.conformance.parts.measures import check_measure
    from iceb.models.loading import choose_device

    where = str(choose_device(device))
    report("measure", name, check_measure(name, where), as_json, {"device": where})


def metric(
    name: Annotated[str, typer.Argument(help="A metric: iceb list metrics.")],
    as_json: LinesAsJson = False,
) -> None:
    """Check a metric on made-up numbers.

    It must be a pure function whatever the order of rows, give one statistic a concept, and no value without images.
    """
    from iceb.conformance.parts.metrics import check_metric

    report("metric", name, check_metric(name), as_json, {})

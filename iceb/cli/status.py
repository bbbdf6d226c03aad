"""`iceb status`: count what workers have made of a plan."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options
from iceb.cli.progress import clock_time
from iceb.cli.quiet import silence_libraries
from iceb.cli.work import PLAN

if TYPE_CHECKING:
    from iceb.running.workers.counting import WorkCount


def status(
    plan: Annotated[Path, PLAN],
    as_json: Annotated[bool, typer.Option("--json", help="The counts as JSON on stdout, nothing else.")] = False,
) -> None:
    """Count what is made of a plan, missing and failed.

    Counted in the cache, whoever made it; the time left follows from the images of the last ten minutes.
    """
    from iceb.api.working import status as count

    silence_libraries()
    found = count(plan)
    if as_json:
        document = {**dataclasses.asdict(found), "seconds_left": found.seconds_left}
        document["failed"] = [{"shard": shard, "error": with_options(error)} for shard, error in found.failed]
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(_lines(found, plan)))


def _lines(found: "WorkCount", plan: Path) -> Iterator[str]:
    for run in found.runs:
        edit = "edit made" if run.edits_made else "edit to be made"
        result = "no result yet" if run.result is None else f"result: {run.result}"
        yield f"{run.id}: {edit}; images: {run.made} made, {run.missing} missing; {result}"
    for shard, error in found.failed:
        yield f"failed: share {shard}: {with_options(error)}"
    for difference in found.elsewhere:
        yield f"not counted: what was made on a machine with {difference}, which keys name: ask there"
    total = f"in all: {found.made} of {count_text(found.made + found.missing, 'image')} made, {found.missing} missing"
    if not found.missing:
        rest = "" if all(run.result for run in found.runs) else f"; iceb work {plan} --result writes the results"
        yield f"{total}{rest}"
    elif found.per_second is None or found.seconds_left is None:
        yield f"{total}; no time is known, for fewer than two images came in the last ten minutes"
    else:
        yield f"{total}; about {clock_time(found.seconds_left)} left, at {found.per_second:.3g} images a second"

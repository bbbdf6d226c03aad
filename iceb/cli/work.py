"""`iceb work`: carry out one worker's share of a plan, or write the results of all of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.wording import count_text
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.specs.shards import Shard

PLAN = typer.Argument(metavar="PLAN", help="The plan.json that iceb evaluate --launch wrote.", show_default=False)


def work(
    plan: Annotated[Path, PLAN],
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Which share, counted from 0, as in 0/8. Default: as SLURM's job array, or RANK and WORLD_SIZE, say.",
        ),
    ] = None,
    result: Annotated[
        bool, typer.Option("--result", help="Make what is missing of all shares, and write the results.")
    ] = False,
) -> None:
    """Carry out a share of a plan: edit, draw and measure.

    The edits are made once, by whichever worker is first. Another number of shares may be taken at any time; what was
    made counts. SIGTERM ends the work after the pass under way, with exit code 75.
    """
    from iceb.api.working import work as carry_out
    from iceb.api.working import write_results
    from iceb.cli.progress import show_progress
    from iceb.cli.report import summary

    silence_libraries()
    with show_progress():
        if not result:
            drawn = carry_out(plan, shard=shard)
        else:
            _refuse_both(shard)
            runs = write_results(plan)
    if not result:
        typer.echo(f"{count_text(drawn, 'image')} drawn; iceb status {plan} counts what all workers have made")
        return
    for each in runs:
        summary(each.result, each.path, on_stderr=False)


def _refuse_both(shard: "Shard | str | None") -> None:
    from iceb.base.errors import SpecError

    if shard is not None:
        raise SpecError("--result: is of all shares: leave --shard out")

"""Options of `iceb evaluate` that hand the work to a cluster, and what is printed of it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.cli.grouped_help import COMPUTING, OUTPUT

if TYPE_CHECKING:
    from iceb.running.plan import Ask
    from iceb.running.sweeps.asked import SweepAsk
    from iceb.running.workers.plan_file import PlannedRun

OWN = ("--launch", "--submit")  # options that the command of a result leaves out


@dataclass(frozen=True)
class Launching:
    """Options of work by several workers."""

    launch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only write a plan, and what starts workers on a cluster as this TOML file says (docs/clusters.md).",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    submit: Annotated[
        bool, typer.Option("--submit", help="With --launch: start the workers.", rich_help_panel=OUTPUT)
    ] = False
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Share the work among tasks of Ray: local starts one here, auto is this node's cluster, or HOST:PORT; "
            "--workers are a task's CPUs.",
            rich_help_panel=COMPUTING,
        ),
    ] = None

    def check(self, budget: str | None, *, dry_run: bool) -> None:
        """Refuse what does not go together.

        Raises:
            SpecError: as it says.
        """
        from iceb.base.errors import SpecError

        if self.launch is None and self.submit:
            raise SpecError("--submit: starts what --launch writes: name a cluster's file with --launch as well")
        if self.launch is not None and (budget is not None or dry_run):
            other = "--dry-run" if dry_run else f"--budget {budget}"
            raise SpecError(f"--launch and {other}: --launch makes nothing itself: leave one of them out")
        if self.ray is None:
            return
        if self.launch is not None:
            raise SpecError("--launch and --ray: each names those who do the work: leave one of them out")
        from iceb.running.workers.on_ray import import_ray

        import_ray()  # before anything is planned

    def start_run(self, file: Path, ask: "Ask", out: Path, *, as_json: bool) -> None:
        """Write the plan of a run and what starts its workers; start them where that is asked for.

        Raises:
            IcebError: the run cannot be planned, or a line that was submitted failed.
        """
        from iceb.running.plan import plan
        from iceb.running.workers.plan_file import PlannedRun

        own = replace(ask, command=own_command(sys.argv))
        self._start(file, [PlannedRun(plan(own).spec.id, own)], out, as_json=as_json)

    def start_sweep(self, file: Path, ask: "SweepAsk", out: Path, *, as_json: bool) -> None:
        """Do the same for all cells of a sweep.

        Raises:
            IcebError: the sweep cannot be planned, or a line that was submitted failed.
        """
        from iceb.cli.sweep_lines import heading
        from iceb.cli.sweeping import tell
        from iceb.running.shared_parts import SharedParts
        from iceb.running.sweeps.planning import plan_sweep
        from iceb.running.workers.plan_file import PlannedRun

        shared = SharedParts.of_model(*(ask.common[name] for name in ("model", "dtype", "execution")))
        planned = plan_sweep(ask, shared)
        for line in heading(planned):
            tell(line)
        self._start(file, [PlannedRun(cell.id, cell.ask) for cell in planned.cells], out, as_json=as_json)

    def _start(self, file: Path, runs: "Sequence[PlannedRun]", out: Path, *, as_json: bool) -> None:
        from iceb.running.workers.cluster_file import read_cluster
        from iceb.running.workers.launching import prepare_launch, submit
        from iceb.running.workers.plan_file import write_plan

        cluster = read_cluster(file)
        found = prepare_launch(cluster, write_plan(runs, out))
        said = submit(found) if self.submit else []
        if as_json:
            document = {"plan": str(found.plan), "lines": found.lines, "result": found.result, "submitted": self.submit}
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
            return
        typer.echo("\n".join(said if self.submit else found.lines))
        typer.echo(f"plan: {found.plan}; iceb status {found.plan} counts what is made", err=True)
        if found.result:
            typer.echo(f"when all workers are done: {found.result}", err=True)


def own_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """The command that makes the same here, for results to name.

    >>> own_command(["/usr/bin/iceb", "evaluate", "--launch", "c.toml", "--task", "aice", "--submit"])
    ('iceb', 'evaluate', '--task', 'aice')
    """
    kept: list[str] = []
    skip = False
    for word in arguments[1:]:
        if skip or word in OWN or word.startswith("--launch="):
            skip = not skip and word == "--launch"
            continue
        kept.append(word)
    return ("iceb", *kept)

"""The command `iceb`: one line per error, an exit code that says whose it is, never a traceback.

Exit codes: 0 done, 1 a check or a run failed, 2 asked wrongly, 75 stopped by SIGTERM, 130 interrupted.
ICEB_TRACEBACK=1 shows where an error came from, a method's too.
"""

import io
import os
import re
import shlex
import sys
import time
from collections.abc import Sequence

import typer

from iceb.base.errors import CheckFailed, IcebError
from iceb.base.messages import one_line, quote, reason, shorten
from iceb.base.out_of_memory import REMEDY, out_of_memory
from iceb.base.packages import unreadable_packages
from iceb.cli import (
    apply,
    cache,
    capacity,
    check,
    claims,
    compare,
    damage,
    data,
    docs,
    edit,
    evaluate,
    export,
    grid,
    leaderboard,
    listing,
    plan,
    prompts,
    runs,
    score,
    site,
    status,
    trying,
    tune,
    uploads,
    work,
)
from iceb.cli import explain as explaining
from iceb.cli.check_lines import BEGAN
from iceb.cli.grouped_help import GroupedCommand
from iceb.cli.interrupts import Stopped
from iceb.cli.option_names import options_in_log, with_options

FAILED, WRONG, STOPPED, INTERRUPTED = 1, 2, 75, 130  # 75 is EX_TEMPFAIL: job scripts submit such a job again
QUOTE = re.compile(r"'([^']*)'")  # an argument in a message of typer

app = typer.Typer(
    name="iceb",
    help="Edit many concepts of a text-to-image model at once, and measure what changed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Start: iceb evaluate --method emcid --task aice --num-edits 10 --limit 20",
    rich_markup_mode=None,  # plain help: the rich one takes half of the time budget of --help
)
app.command("evaluate", cls=GroupedCommand)(evaluate.evaluate)
app.command("edit")(edit.edit)
app.command("work")(work.work)
app.command("status")(status.status)
app.command("apply")(apply.apply)
app.command("try")(trying.try_methods)
app.command("tune")(tune.tune)
app.command("score")(score.score)
app.command("grid")(grid.grid)
app.command("report")(site.report)
app.command("export")(export.export)
app.command("runs")(runs.runs)
app.command("compare")(compare.compare)
app.command("capacity")(capacity.capacity)
app.command("plan")(plan.plan)
app.command("list")(listing.list_names)
app.command("show")(prompts.show)
app.command("explain")(explaining.explain)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("claims")(claims.claims)
app.add_typer(check.app, name="check")
app.command("docs")(docs.docs)
app.add_typer(data.app, name="data")
app.command("cache")(cache.cache)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        from iceb import __version__

        typer.echo(f"iceb {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """The console script: run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; print at most one error line on stderr."""
    _show_any_character()
    BEGAN.set(time.perf_counter())
    command = typer.main.get_command(app)
    try:
        with damage.report_damage(), options_in_log(), uploads.wait_for_uploads():
            outcome = command.main(args=list(arguments), prog_name="iceb", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        outcome = INTERRUPTED
    except Stopped:
        return _say(f"stopped after a whole pass; the same command goes on: iceb {shlex.join(arguments)}", STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader closed the pipe
        return FAILED
    except Exception as error:
        if os.environ.get("ICEB_TRACEBACK") and not isinstance(error, CheckFailed):
            raise
        return _say(*explain(error))
    if outcome == INTERRUPTED:  # some versions of typer report Ctrl-C by this number, others by an exception
        return _say(f"interrupted; the same command goes on: iceb {shlex.join(arguments)}", INTERRUPTED)
    return outcome if isinstance(outcome, int) else 0


def _show_any_character() -> None:
    """Make stdout and stderr escape characters that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def explain(error: Exception) -> tuple[str, int]:
    """Return one line and an exit code for any error."""
    if isinstance(error, IcebError):
        return with_options(str(error)), error.exit_code
    if hasattr(error, "format_message"):  # typer's usage errors, whose classes moved between its versions
        message = str(error.format_message()).replace("Value error, ", "").rstrip(".")
        message = QUOTE.sub(lambda found: f"'{shorten(found[1])}'", message)
        return f"{message} (--help shows what is allowed)", WRONG
    if hasattr(error, "errors") and type(error).__name__ == "ValidationError":
        from iceb.specs.results import first_problem

        problem = first_problem(error)  # type: ignore[arg-type]
        said = with_options(problem.partition(": ")[2])
        return said if said.startswith("--") else problem, WRONG
    if out_of_memory(error):
        return f"out of memory ({reason(error, 300)}): {with_options(REMEDY)}", FAILED
    if isinstance(error, OSError) and error.filename is not None:
        name = quote(os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename))
        return f"{name} cannot be used ({error.strerror}): name another file or folder, or mend this one", WRONG
    if unread := unreadable_packages():  # many libraries read those of every package when they are imported
        return f"the metadata of {unread[0]} cannot be read: mend or remove that package", WRONG
    said = f"unexpected {type(error).__name__}: {reason(error, 300)}"
    return f"{said}; ICEB_TRACEBACK=1 before the same command shows where", FAILED


def _say(line: str, code: int) -> int:
    print(one_line(f"iceb: {line}"), file=sys.stderr)
    return code

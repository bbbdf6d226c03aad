"""`iceb check`: run a plug-in's conformance checks, one line each; exit code 1 if one fails."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from iceb.base.comma_lists import split_list
from iceb.base.messages import quote
from iceb.cli import check_parts, options
from iceb.cli.check_lines import report
from iceb.cli.quiet import silence_libraries

MOST = 100_000  # edits whose cost can be asked for
SIZE = re.compile(r"[0-9]{1,9}")

app = typer.Typer(help="Check that your method, dataset, task or metric works.")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("method")
@options.expand_groups
def method(
    *,
    name: Annotated[str, typer.Argument(help="A method: iceb list methods.")],
    model: options.Model = "mini",
    settings: options.Settings = None,
    sizes: Annotated[
        str, typer.Option(metavar="N,N…", help="Numbers of edits whose time and memory are measured.")
    ] = "1,10,100",
    full: Annotated[
        bool, typer.Option("--full", help="Use the method's own defaults and every size, however long it takes.")
    ] = False,
    computation: options.Computation,
    as_json: check_parts.LinesAsJson = False,
) -> None:
    """Check a method by small edits.

    One line a check: pass, fail, skipped and why, or a measurement.
    """
    from iceb.cli import values

    counts, given, number_format = _sizes(sizes), values.settings(settings or ()), values.dtype(computation.dtype)
    execution = computation.execution()
    silence_libraries()
    from iceb.conformance.methods.opening import MethodToCheck

    to_check = MethodToCheck(name, given, full, model, number_format)
    facts = {"model": model, "settings": to_check.method.params}
    found = to_check.lines(counts, execution)
    with _errors_logged_alone():
        report("method", name, found, as_json, facts)


@contextmanager
def _errors_logged_alone() -> Iterator[None]:
    """Hide warnings: quick settings are small on purpose, and methods warn of that."""
    log = logging.getLogger("iceb")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


for part in (check_parts.dataset, check_parts.task, check_parts.measure, check_parts.metric):
    app.command(part.__name__)(part)


def _sizes(text: str) -> tuple[int, ...]:
    """Parse numbers of edits from a text such as "1,10,100".

    Raises:
        SpecError: one of them is not a whole number from 1 to MOST.
    """
    from iceb.base.errors import SpecError

    parts = split_list(text)
    sizes = [int(part) for part in parts if SIZE.fullmatch(part)]
    if len(sizes) < len(parts) or not all(1 <= size <= MOST for size in sizes):
        raise SpecError(f"--sizes {quote(text)}: must be whole numbers from 1 to {MOST}, as in --sizes 1,10,100")
    return tuple(sizes)

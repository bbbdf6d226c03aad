"""`iceb check`: does a method keep the contract? Every check is one line; a failed one makes the exit code 1."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.messages import quoted
from iceb.cli import options

if TYPE_CHECKING:
    from iceb.running.conformance import Line

MOST = 100_000  # edits whose cost can be asked for
SIZE = re.compile(r"[0-9]{1,9}")

app = typer.Typer(help="Check that a method keeps the adapter contract.")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("method")
def method(
    name: Annotated[str, typer.Argument(help="A method: iceb list methods.")],
    model: options.Model = "mini",
    settings: options.Settings = None,
    sizes: Annotated[str, typer.Option(help="Numbers of edits whose time and memory are measured.")] = "1,10,100",
    full: Annotated[
        bool, typer.Option("--full", help="The method's own defaults, and every size, however long it takes.")
    ] = False,
    dtype: options.Dtype = "float32",
    device: options.Device = "auto",
    images_per_pass: options.ImagesPerPass = None,
    concepts_at_once: options.ConceptsAtOnce = None,
    precision: options.Precision = "float32",
    workers: options.Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="The lines as JSON on stdout, nothing else.")] = False,
) -> None:
    """Ask a method for a dozen small edits and list every check: pass, fail, skipped and why, or what was measured."""
    from iceb.cli import values
    from iceb.cli.evaluate import quiet

    counts, given, number_format = _sizes(sizes), values.settings(settings or ()), values.dtype(dtype)
    execution = values.execution(device, images_per_pass, concepts_at_once, precision, workers)
    quiet()
    from iceb.base.errors import CheckFailed
    from iceb.models.bundle import ModelBundle
    from iceb.models.sources import find
    from iceb.running.conformance import SECONDS, check_method, quick_method

    chosen = quick_method(name, given, full)
    bundle = ModelBundle(find(model, number_format), device, images_per_pass)
    found = check_method(chosen, bundle, counts, float("inf") if full else SECONDS, execution=execution)
    lines = list(found if as_json else _printed(found))
    if as_json:
        typer.echo(json.dumps(_report(name, model, chosen.params, lines), indent=2, ensure_ascii=False))
    failed = [line.check for line in lines if line.status == "fail"]
    if failed:
        raise CheckFailed(f"method {name}: {len(failed)} of {len(lines)} checks failed: {', '.join(failed)}")


def _sizes(text: str) -> tuple[int, ...]:
    """Numbers of edits from a text such as "1,10,100".

    Raises:
        SpecError: one of them is not a whole number from 1 to MOST.
    """
    from iceb.base.errors import SpecError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    sizes = [int(part) for part in parts if SIZE.fullmatch(part)]
    if len(sizes) < len(parts) or not all(1 <= size <= MOST for size in sizes):
        raise SpecError(f"--sizes {quoted(text)}: must be whole numbers from 1 to {MOST}, as in --sizes 1,10,100")
    return tuple(sizes)


def _printed(lines: "Iterable[Line]") -> "Iterator[Line]":
    """Each line as soon as it is known, then how many there were of each kind."""
    totals: Counter[str] = Counter()
    seconds = 0.0
    for line in lines:
        typer.echo(_fitted(line))
        if line.traceback and os.environ.get("ICEB_TRACEBACK"):
            typer.echo(line.traceback, err=True, nl=False)
        totals[line.status] += 1
        seconds += line.seconds
        yield line
    words = {"pass": "passed", "fail": "failed", "skipped": "skipped", "info": "measured"}
    counted = ", ".join(f"{totals[status]} {word}" for status, word in words.items())
    typer.echo(f"{counted} in {seconds:.0f} s")


def _fitted(line: "Line") -> str:
    """A check as text: one line in a file or a pipe; on a terminal what does not fit goes on below, indented."""
    text = f"{line.status:<8} {line.check:<32} {line.note}".rstrip()
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, subsequent_indent=" " * 9, break_on_hyphens=False)


def _report(name: str, model: str, params: dict[str, Any], lines: "Iterable[Line]") -> dict[str, Any]:
    rows = [
        {"check": line.check, "status": line.status, "note": line.note, "seconds": round(line.seconds, 3)}
        for line in lines
    ]
    return {"method": name, "model": model, "settings": params, "checks": rows}

"""Print the checks of `iceb check`: one line each and the totals, or everything as JSON."""

import json
import os
import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import typer

from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.conformance.check_line import Line

BEGAN: ContextVar[float] = ContextVar("BEGAN")  # of the command; most of it is imports
WORDS = {"pass": "passed", "fail": "failed", "skipped": "skipped", "info": "measured"}


def report(what: str, name: str, found: "Iterable[Line]", as_json: bool, facts: Mapping[str, Any]) -> None:
    """Run checks and print their outcomes.

    Args:
        what: the noun, "method".
        name: its registered name.
        found: the checks; each is made when it is asked for.
        as_json: print one document instead of lines.
        facts: what else the document says of what was checked.

    Raises:
        CheckFailed: some check failed.
    """
    from iceb.base.errors import CheckFailed

    lines = list(found if as_json else _print_each(found))
    if as_json:
        document = {what: name, **facts, "checks": [_row(line) for line in lines]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    failed = [line.check for line in lines if line.status == "fail"]
    if failed:
        raise CheckFailed(f"{what} {name}: {len(failed)} of {len(lines)} checks failed: {', '.join(failed)}")


def _print_each(lines: "Iterable[Line]") -> "Iterator[Line]":
    """Print each line as soon as its check has run, then the totals by status."""
    totals: Counter[str] = Counter()
    began = BEGAN.get(time.perf_counter())
    for line in lines:
        typer.echo(_fit(line))
        if line.traceback and os.environ.get("ICEB_TRACEBACK"):
            typer.echo(line.traceback, err=True, nl=False)
        totals[line.status] += 1
        yield line
    counted = ", ".join(f"{totals[status]} {word}" for status, word in WORDS.items())
    typer.echo(f"{counted} in {time.perf_counter() - began:.0f} s")


def _fit(line: "Line") -> str:
    """Format a check as one line; on a terminal a long one is wrapped and indented."""
    text = f"{line.status:<8} {line.check:<32} {with_options(line.note)}".rstrip()
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, subsequent_indent=" " * 9, break_on_hyphens=False)


def _row(line: "Line") -> dict[str, Any]:
    return {
        "check": line.check,
        "status": line.status,
        "note": with_options(line.note),
        "seconds": round(line.seconds, 3),
    }

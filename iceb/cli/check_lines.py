"""What `iceb check` prints: a line for each check and their numbers, or all of it as JSON."""

import json
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from iceb.conformance.check_line import Line

WORDS = {"pass": "passed", "fail": "failed", "skipped": "skipped", "info": "measured"}


def report(what: str, name: str, found: "Iterable[Line]", as_json: bool, facts: Mapping[str, Any]) -> None:
    """Make checks and say how they came out.

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
    """Each line as soon as it is known, then how many there were of each kind."""
    totals: Counter[str] = Counter()
    seconds = 0.0
    for line in lines:
        typer.echo(_fit(line))
        if line.traceback and os.environ.get("ICEB_TRACEBACK"):
            typer.echo(line.traceback, err=True, nl=False)
        totals[line.status] += 1
        seconds += line.seconds
        yield line
    counted = ", ".join(f"{totals[status]} {word}" for status, word in WORDS.items())
    typer.echo(f"{counted} in {seconds:.0f} s")


def _fit(line: "Line") -> str:
    """A check as text: one line in a file or a pipe; on a terminal what does not fit goes on below, indented."""
    text = f"{line.status:<8} {line.check:<32} {line.note}".rstrip()
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, subsequent_indent=" " * 9, break_on_hyphens=False)


def _row(line: "Line") -> dict[str, Any]:
    return {"check": line.check, "status": line.status, "note": line.note, "seconds": round(line.seconds, 3)}

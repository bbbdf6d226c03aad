"""The outcome of one check as a line: what was checked, pass or fail, and why."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from traceback import format_exception
from typing import Literal, TypeAlias

from iceb.base.errors import IcebError
from iceb.base.frames import describe

Status: TypeAlias = Literal["pass", "fail", "skipped", "info"]
LONGEST = 600  # characters of a note: a message of 300 within one of ours; its end says what to do


@dataclass(frozen=True)
class Line:
    """One check and its outcome; "info" marks a measurement that cannot fail."""

    check: str
    status: Status
    note: str = ""
    seconds: float = field(default=0.0, compare=False)  # seconds that the check took
    traceback: str = field(default="", compare=False)  # the traceback of the method's exception, for its author


class Broken(Exception):
    """A check failed: the contract is broken; the message is the line's note."""


class Skipped(Exception):
    """A check cannot run here; the message is the reason."""


@dataclass(frozen=True)
class Info:
    """The outcome of a check that reports a measurement, which is neither right nor wrong."""

    note: str


Outcome: TypeAlias = str | Info  # a text is the note of a check that passed


def line(check: str, work: Callable[[], Outcome]) -> Line:
    """Run one check; any exception becomes a failed line, because third-party code may raise anything."""
    began = time.perf_counter()
    made = _outcome(check, work)
    return replace(made, seconds=time.perf_counter() - began)


def lines_with_rest(check: str, work: Callable[[], Outcome], late: Sequence[str]) -> Iterator[Line]:
    """Run a check that has limited time; a second line names what it had no time for.

    Args:
        late: filled by `work`.
    """
    yield line(check, work)
    if late:
        yield Line(f"{check}: the rest", "skipped", f"no time for {', '.join(late)}: `full` takes it")


def _outcome(check: str, work: Callable[[], Outcome]) -> Line:
    try:
        found = work()
        return (
            Line(check, "info", _short(found.note)) if isinstance(found, Info) else Line(check, "pass", _short(found))
        )
    except Skipped as reason:
        return Line(check, "skipped", _short(str(reason)))
    except (Exception, SystemExit) as error:
        return Line(check, "fail", error_text(error), traceback="" if _own(error) else "".join(format_exception(error)))


def error_text(error: BaseException) -> str:
    """Format an error in one line; the class is named unless it is one of ICEB's own.

    >>> error_text(ZeroDivisionError("division by zero"))
    'raised ZeroDivisionError: division by zero'
    """
    return _short(str(error) if _own(error) else f"raised {describe(error)}")


def _own(error: BaseException) -> bool:
    return isinstance(error, IcebError | Broken)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    half = LONGEST // 2 - 2
    return plain if len(plain) <= LONGEST else f"{plain[:half]} … {plain[-half:]}"

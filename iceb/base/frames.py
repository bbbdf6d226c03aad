"""Locate errors in third-party code: the last frame of the package that the core called."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType

from iceb.base.errors import IcebError
from iceb.base.messages import printable, shorten, without_fields

LONGEST = 500  # characters of an error's message
CORE = (
    "iceb.base",
    "iceb.specs",
    "iceb.registry",
    "iceb.datasets",
    "iceb.stores",
    "iceb.models",
    "iceb.runs",
    "iceb.running",
    "iceb.conformance",
    "iceb.delivery",
    "iceb.report",
    "iceb.cli",
    "contextlib",
    "importlib",
)
OURS = "iceb"  # its methods, below iceb.methods, count as packages of their own


@contextmanager
def attribute_errors(kind: type[IcebError], what: str) -> Iterator[None]:
    """Turn any exception of a third-party dataset, measure or metric into an ICEB error that names it.

    Args:
        kind: of the error; ICEB's own errors pass as they are.
        what: whose code runs inside, for example "dataset repaint".

    >>> with attribute_errors(IcebError, "dataset repaint"):
    ...     {}["nope"]
    Traceback (most recent call last):
    ...
    iceb.base.errors.IcebError: dataset repaint raised KeyError: 'nope'
    """
    try:
        yield
    except IcebError:
        raise
    except Exception as error:
        raise kind(f"{what} raised {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Describe an error in one line, with the third-party file, line and function that raised it.

    >>> try:
    ...     {}["nope"]
    ... except KeyError as error:
    ...     describe(error).partition(" (")[0]
    "KeyError: 'nope'"
    """
    place = place_of(error)
    return shorten(printable(f"{type(error).__name__}: {_message(error)}"), LONGEST) + (f" ({place})" if place else "")


def _message(error: BaseException) -> str:
    try:
        return str(error) if isinstance(error, IcebError) else without_fields(str(error))
    except Exception:  # a third-party class may do anything
        return "its message cannot be read"


def place_of(error: BaseException) -> str:
    """ "iceb_nudge.py:110, in edit"; "" where no code but the core's was running."""
    frames = [(frame, line) for frame, line in walk_tb(error.__traceback__) if not _inside(_module(frame), CORE)]
    if not frames:
        return ""
    package = _package(_module(frames[0][0]))
    frame, line = [found for found in frames if _inside(_module(found[0]), (package,))][-1]
    return f"{_file(frame)}:{line}, in {frame.f_code.co_name}"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _package(module: str) -> str:
    """The package of one author's code: a top-level one; of ours one below iceb.methods or iceb.metrics."""
    parts = module.split(".")
    return ".".join(parts[:3] if parts[0] == OURS else parts[:1])


def _file(frame: FrameType) -> str:
    """The file's path within its package: "iceb_nudge.py", "far/edits/__init__.py"."""
    path, parts = Path(frame.f_code.co_filename), _module(frame).split(".")
    folders = parts if path.name == "__init__.py" else parts[:-1]
    return "/".join([*folders, path.name])

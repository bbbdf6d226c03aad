"""Read text, JSON and TOML from files and options, with one clear error for whatever is wrong.

JSON is read strictly: no key twice, no NaN or infinity, no number beyond 64 bits, no text that UTF-8
cannot write or that drives a terminal.
"""

import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iceb.base.errors import IcebError, SpecError
from iceb.base.messages import quote, shorten, without_fields

DIGITS = 19  # digits of the largest 64-bit number
SUSPECT = re.compile(r"\\(?:u[dD][89a-fA-F]|u00[01]|u007|[bf])")  # escapes of lone surrogates and of control characters
UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def user_path(text: str | Path) -> Path:
    """A path as a user wrote it, "~" expanded.

    Raises:
        SpecError: it names a user who has no home folder here, or is no path.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise SpecError(f"{quote(str(text))}: there is no such home folder here: write the path in full") from error
    if "\0" in str(path):
        raise SpecError(f"{quote(str(text))}: a path cannot hold the character NUL")
    return path


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False for names that no file system takes, where `Path.is_dir` raises."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether a file is there; False for names that no file system takes, where `Path.is_file` raises."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_text(path: Path, kind: type[IcebError], remedy: str, name: str = "") -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Args:
        kind: the error to raise.
        remedy: what to do, for the end of its message.
        name: what to call the file in it; "": its path.

    Raises:
        IcebError: of this kind: the file is missing, is a folder, cannot be read, or is not UTF-8.
    """
    with explain_reading(name or shorten(str(path), 400), kind, remedy, ValueError):  # of a name with NUL in it
        return path.read_text(encoding="utf-8-sig")


@contextmanager
def explain_reading(name: str, kind: type[IcebError], remedy: str, *others: type[Exception]) -> Iterator[None]:
    """Turn what fails inside, where a file is read, into one error; ICEB's own errors pass as they are.

    Args:
        name: what to call the file in the message.
        kind: the error to raise.
        remedy: what to do, for the end of its message.
        others: exceptions that count beside those of the operating system: a library's own for a malformed file.

    Raises:
        IcebError: of this kind: reading failed.

    >>> with explain_reading("captions none.txt", SpecError, "name a text file"):
    ...     open("none.txt")
    Traceback (most recent call last):
    ...
    iceb.base.errors.SpecError: captions none.txt: cannot be read (No such file or directory): name a text file
    """
    failures: tuple[type[Exception], ...] = (OSError, *others)
    try:
        yield
    except IcebError:
        raise
    except failures as error:
        raise kind(f"{name}: cannot be read ({_reason(error)}): {remedy}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text at byte {error.start}"
    return getattr(error, "strerror", None) or without_fields(str(error))


def parse_json(text: str, where: str, kind: type[IcebError], remedy: str = "") -> Any:
    """The value of a JSON text.

    Args:
        where: the file or option that it comes from, for the message.
        kind: the error to raise.
        remedy: what to do, for the end of its message.

    Raises:
        IcebError: of this kind: not JSON, or JSON that the strict reading of this module refuses.
    """
    end = f"; {remedy}" if remedy else ""
    try:
        text.encode("utf-8")  # bytes of an option that are not UTF-8 arrive as lone surrogates
        found = json.loads(
            text, object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_no_constant
        )
        if SUSPECT.search(text):
            _check_texts(found)
    except json.JSONDecodeError as error:
        raise kind(f"{where}: not JSON at line {error.lineno} column {error.colno} ({error.msg}){end}") from error
    except RecursionError as error:
        raise kind(f"{where}: its lists or objects are nested too deeply{end}") from error
    except UnicodeEncodeError as error:
        raise kind(f"{where}: a text in it holds {quote(error.object[error.start])}, no character{end}") from error
    except ValueError as error:
        raise kind(f"{where}: {error}{end}") from error
    return found


def check_fields(value: object, allowed: Iterable[str]) -> None:
    """Refuse a value that is not a JSON object, or that has an unknown key.

    Raises:
        ValueError: as it says.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{quote(value, 80)} is no object")
    if unknown := sorted(set(value) - set(allowed)):
        raise ValueError(f"unknown field {quote(unknown[0], 80)}")


def list_as_tuple(value: object) -> tuple[Any, ...]:
    """A JSON list as a tuple.

    Raises:
        TypeError: it is something else, for example a text, whose letters a tuple would hold.
    """
    if not isinstance(value, list):
        raise TypeError(f"{quote(value, 80)} is no list")
    return tuple(value)


def read_json(path: Path, kind: type[IcebError], remedy: str) -> Any:
    """The value of a JSON file.

    Raises:
        IcebError: of this kind, as `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, kind, remedy), str(path), kind, remedy)


def parse_toml(text: str, where: str, kind: type[IcebError]) -> dict[str, Any]:
    """The table of a TOML text.

    Raises:
        IcebError: of this kind: not TOML, nested too deeply, or with a number beyond 64 bits.
    """
    try:
        found = tomllib.loads(text)
        _check_numbers(found)
    except tomllib.TOMLDecodeError as error:
        raise kind(f"{where}: not TOML ({error})") from error
    except RecursionError as error:
        raise kind(f"{where}: its arrays or tables are nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise kind(f"{where}: holds a number beyond 64 bits") from error
    return found


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quote(twice, 80)} stands twice in one object")
    return found


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS or not -(2**63) <= int(digits) < 2**63:
        raise ValueError(f"holds the number {quote(digits, 40)} of {len(digits)} digits, beyond 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"holds the number {quote(digits, 40)}, which no float can hold")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"holds {name}: numbers must be finite")


def _check_texts(value: object) -> None:
    """Refuse halves of surrogate pairs, which UTF-8 cannot encode, and control characters.

    Raises:
        ValueError: there is one.
    """
    if isinstance(value, str):
        if found := UNWANTED.search(value):
            raise ValueError(f"a text in it holds {quote(found[0])}, no character")
    elif isinstance(value, dict | list):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_texts(item)


def _check_numbers(value: object) -> None:
    """Refuse whole numbers beyond 64 bits.

    Raises:
        ValueError: there is one.
    """
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_numbers(item)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"a number of {value.bit_length()} bits")

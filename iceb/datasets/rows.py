"""Read lists of rows, JSON or CSV, and validate each; an error names file, row, value and remedy."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from iceb.base.errors import DataError
from iceb.base.readers import read_json, read_text

LAST_LABEL = 999  # ImageNet-1k has the classes 0 … 999


def _seed(value: object) -> object:
    """Parse a seed, which upstream writes as a number or as a string of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value


Seed = Annotated[int, BeforeValidator(_seed), Field(strict=True, ge=0, lt=2**63)]
Label = Annotated[int, Field(strict=True, ge=0, le=LAST_LABEL)]
Text = Annotated[str, Field(strict=True, min_length=1)]
RowType = TypeVar("RowType", bound=BaseModel)


def read_json_rows(path: Path, kind: type[RowType], remedy: str) -> list[RowType]:
    """All rows of a JSON list, in the file's order.

    Raises:
        DataError: the file cannot be read, is no list in strict JSON, or a row lacks a key or holds a wrong value.
    """
    found = read_json(path, DataError, remedy)
    if not isinstance(found, list) or not found:
        raise DataError(f"{path} holds {kind_of(found)}, a list of rows was expected; {remedy}")
    return [validate_row(f"{path}, row {index}", value, kind, remedy) for index, value in enumerate(found)]


def read_csv_rows(path: Path, kind: type[RowType], remedy: str) -> list[RowType]:
    """All rows of a CSV file with a header, in the file's order; a row is named by its number, from 0.

    Raises:
        DataError: the file cannot be read, is not CSV, holds no row, or a row lacks a column or holds a wrong value.
    """
    rows = list(_dict_rows(path, remedy))
    if not rows:
        raise DataError(f"{path} holds no rows, a header and at least one were expected; {remedy}")
    return [validate_row(f"{path}, row {index}", value, kind, remedy) for index, value in enumerate(rows)]


def _dict_rows(path: Path, remedy: str) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(read_text(path, DataError, remedy), newline=""), strict=True)
    try:
        for row in reader:
            if None in row:
                raise DataError(f"{path}, line {reader.line_num}: more cells than the header names; {remedy}")
            yield {name: cell for name, cell in row.items() if cell is not None}
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}); {remedy}") from error


def validate_row(where: str, value: object, kind: type[RowType], remedy: str) -> RowType:
    """One row as its model; `where` names it in the message.

    Raises:
        DataError: a key is missing, or a value is wrong.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "row"
        got = "" if first["type"] == "missing" else f", got {first['input']!r:.80}"
        raise DataError(f"{where}: {key!r}: {first['msg']}{got}; {remedy}") from error


def kind_of(found: object) -> str:
    """Name the type of a JSON value in words, for messages."""
    if found == []:
        return "no rows"
    return "one object" if isinstance(found, dict) else f"a {type(found).__name__}"

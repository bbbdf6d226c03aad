"""Show the first rows of a data file as text, whether it is JSON, CSV or plain lines."""

import csv
import io
import json
from itertools import islice
from pathlib import Path

from iceb.base.errors import DataError
from iceb.base.readers import read_json, read_text

LINES = (".txt", ".jsonl", ".tsv", ".md")
REMEDY = "fetch it again, or look at it with a program that knows its form"


def first_rows(path: Path, count: int) -> list[str]:
    """Read up to `count` rows of a file, a text each; none of a file that is no text.

    Raises:
        DataError: the file cannot be read, or is not what its ending says.
    """
    kind = path.suffix.lower()
    if kind == ".json":
        return _json_rows(read_json(path, DataError, REMEDY), count)
    if kind == ".csv":
        return _csv_rows(path, count)
    if kind in LINES:
        return read_text(path, DataError, REMEDY).splitlines()[:count]
    return []


def _json_rows(found: object, count: int) -> list[str]:
    if isinstance(found, list):
        return [_text(row) for row in found[:count]]
    if isinstance(found, dict):
        return [f"{key}: {_text(value)}" for key, value in islice(found.items(), count)]
    return [_text(found)]


def _csv_rows(path: Path, count: int) -> list[str]:
    text = read_text(path, DataError, REMEDY)
    try:
        return [_text(row) for row in islice(csv.DictReader(io.StringIO(text, newline=""), restkey="…"), count)]
    except csv.Error as error:
        raise DataError(f"{path}: not CSV ({error}); {REMEDY}") from error


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""A run's folder: the files that a finished run leaves there besides its pictures, and how they are read.

plan.txt says what was planned, requests.jsonl what was asked of the method, images.jsonl (see `ledger`) which pictures
were drawn, result.json what came out. Reading them needs no torch.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result

RESULT = "result.json"
REQUESTS = "requests.jsonl"
LISTS = ("dests", "templates", "aliases")  # fields of a request that JSON turns into lists


def run_folder(named: Path) -> Path:
    """The folder of a run that is named by itself or by its result.json."""
    return named.parent if named.name == RESULT else named


def read_result(path: Path) -> Result:
    """The result in a file, wherever it lies (in a run's folder, on a leaderboard, handed in), or of a run's folder.

    Raises:
        ResultError: it is missing, malformed, or of an unknown schema.
    """
    path = path / RESULT if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(
            f"{path}: cannot be read ({error}): name a run's folder as iceb evaluate prints it, or its {RESULT}"
        ) from error
    return Result.from_json(text, str(path))


def write_requests(folder: Path, requests: Sequence[EditRequest]) -> None:
    """requests.jsonl: one line a request, so that a run's folder names its concepts without the data files.

    Raises:
        StoreError: the folder cannot be written.
    """
    lines = [json.dumps(dataclasses.asdict(request), ensure_ascii=False) for request in requests]
    write_atomic(folder / REQUESTS, "".join(f"{line}\n" for line in lines).encode())


def read_requests(folder: Path) -> dict[str, EditRequest]:
    """The requests of a run by their id; none if the run wrote none, as runs did at first.

    Raises:
        ResultError: the file is not such a file.
    """
    path = folder / REQUESTS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{path} cannot be read ({error}): run the same command again to write it") from error
    found: dict[str, EditRequest] = {}
    for number, line in enumerate(lines, start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            row.update({name: tuple(row[name]) for name in LISTS})
            found[row["id"]] = EditRequest(**row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(f"{path} line {number}: not a line of requests ({error})") from error
    return found

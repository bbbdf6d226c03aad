"""The folder of a run: names of its files, and functions that find, read and write them.

plan.txt holds the plan, requests.jsonl the requests to the method, images.jsonl (see `ledger`) which images
were drawn, result.json the result. Reading them needs no torch. `iceb/running/run_folder.py` writes them.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from iceb.base.errors import ResultError, SpecError
from iceb.base.files import write_atomic
from iceb.base.readers import check_fields, is_folder, list_as_tuple, parse_json, read_text
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.specs.runs import RunSpec

PLAN = "plan.txt"
RESULT = "result.json"
REQUESTS = "requests.jsonl"
REMEDY = f"name the folder that a run wrote, or its {RESULT}"
AGAIN = "run the same command again to write it"
DATA = {"prompts_sha256": "prompts", "requests_sha256": "requests"}  # fields of a run that its dataset decides
LISTS = ("dests", "templates", "aliases")  # fields of a request that JSON turns into lists


def run_folder(named: Path) -> Path:
    """Return the folder of a run, given the folder or its result.json."""
    return named.parent if named.name == RESULT else named


def folders_with(outs: Iterable[Path], name: str) -> list[Path]:
    """List the folders below `outs` that hold a file of this name, sorted, each once; links are followed.

    Raises:
        ResultError: a folder cannot be read, so that runs may be in it.
    """
    found: set[Path] = set()
    seen: set[Path] = set()
    for out in outs:
        for folder, inside, files in os.walk(out, onerror=_refuse_folder, followlinks=True):
            here = Path(os.path.realpath(folder))
            if here in seen:
                inside.clear()
                continue
            seen.add(here)
            if name in files:
                found.add(here)
    return sorted(found)


def _refuse_folder(error: OSError) -> None:
    raise ResultError(f"{error.filename} cannot be read ({error.strerror}), and may hold runs") from error


def read_result(path: Path) -> Result:
    """Read a result from a file (in a run's folder, on a leaderboard, handed in) or from a run's folder.

    Raises:
        ResultError: it is missing, malformed, or of an unknown schema.
    """
    path = path / RESULT if is_folder(path) else path
    return Result.from_json(read_text(path, ResultError, REMEDY), str(path))


def refuse_other_data(out: Path, spec: RunSpec) -> None:
    """Refuse a run beside a finished one that differs in its prompts or requests alone.

    Raises:
        ResultError: as it says: the dataset was changed, and its version was not.
    """
    for path in sorted((out / spec.id).parent.glob(f"{spec.num_edits:04d}-*/{RESULT}")):
        known = _finished_spec(path)
        same = {} if known is None else {name: getattr(known, name) for name in DATA}
        if same and spec != known and spec.model_copy(update=same) == known:
            what = " and ".join(word for name, word in DATA.items() if same[name] != getattr(spec, name))
            raise ResultError(
                f"{what} are not those of {path}: raise the version of dataset {spec.dataset} (now "
                f"{spec.dataset_version}) in its card, or undo the change; to drop the old run, remove its folder"
            )


def _finished_spec(path: Path) -> RunSpec | None:
    """Read the spec of a run that finished; None where it failed or cannot be read."""
    try:
        result = read_result(path)
        return None if result.status == "failed" else result.spec
    except (ResultError, SpecError, ValidationError):
        return None


def write_requests(folder: Path, requests: Sequence[EditRequest]) -> None:
    """Write requests.jsonl, one line per request, to name the run's concepts without the dataset.

    Raises:
        StoreError: the folder cannot be written.
    """
    lines = [json.dumps(dataclasses.asdict(request), ensure_ascii=False) for request in requests]
    write_atomic(folder / REQUESTS, "".join(f"{line}\n" for line in lines).encode())


def read_requests(folder: Path) -> dict[str, EditRequest]:
    """Read the requests of a run by id; none if the run wrote none.

    Raises:
        ResultError: the file is not such a file.
    """
    path = folder / REQUESTS
    if not path.exists():
        return {}
    lines = read_text(path, ResultError, AGAIN).split("\n")
    found: dict[str, EditRequest] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = parse_json(line, f"{path} line {number}", ResultError, AGAIN)
        try:
            check_fields(row, [field.name for field in dataclasses.fields(EditRequest)])
            request = EditRequest(**{**row, **{name: list_as_tuple(row[name]) for name in LISTS}})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(f"{path} line {number}: not a line of requests ({error}); {AGAIN}") from error
        found[request.id] = request
    return found

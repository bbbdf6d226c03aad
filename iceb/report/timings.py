"""Collect the time of an edit at each number of edits, from the committed results and benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iceb.base.errors import ResultError
from iceb.base.readers import is_folder, read_json
from iceb.leaderboard.row_lines import COLD
from iceb.leaderboard.settings_diff import named_settings
from iceb.specs.results import Result, first_problem


class BenchmarkRow(BaseModel):
    """One measured time; a file's rows may hold more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    method: str
    num_edits: int = Field(ge=1)
    seconds: float = Field(ge=0)
    label: str = ""  # distinguishes rows of one method: "1700 retained texts"


class BenchmarkFile(BaseModel):
    """benchmarks/results/*.json, as far as the methods' pages read it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine: str
    model: str
    rows: tuple[BenchmarkRow, ...]


@dataclass
class Timing:
    """Seconds by number of edits, of one method with one setting on one model and machine."""

    method: str
    what: str  # "uce, published" or "uce, tuned for mini (keys=False)", "uce, 1700 retained texts"
    model: str
    machine: str
    seconds: dict[int, float] = field(default_factory=dict)


def timings(results: Sequence[Result], benchmarks: Path) -> list[Timing]:
    """Return every measured time of an edit in a stable order, results first.

    Of results those of `COLD` alone: rows of other tasks share what a method computed before.

    Raises:
        ResultError: a file is not what it should be.
    """
    found: dict[tuple[str, str, str, str], Timing] = {}
    for result in results:
        method, cost = result.method, result.cost.edit_seconds
        if cost is not None and result.task.name == COLD:
            what = named_settings(result).label(method.name)
            _enter(found, method.name, what, result.model.repo, result.provenance.device, result.num_edits, cost)
    for path in sorted(benchmarks.glob("*.json")) if is_folder(benchmarks) else ():
        file = _benchmark(path)
        if file is None:
            continue
        for row in file.rows:
            what = f"{row.method}, {row.label}" if row.label else row.method
            _enter(found, row.method, what, file.model, file.machine, row.num_edits, row.seconds)
    return list(found.values())


def _enter(
    found: dict[tuple[str, str, str, str], Timing],
    method: str,
    what: str,
    model: str,
    machine: str,
    count: int,
    seconds: float,
) -> None:
    """Record a time; a later one of the same method and machine replaces it."""
    timing = found.setdefault((method, what, model, machine), Timing(method, what, model, machine))
    timing.seconds[count] = seconds


def _benchmark(path: Path) -> BenchmarkFile | None:
    """Read a file's times of edits; None if it benchmarks something else.

    Raises:
        ResultError: it is not JSON, or its rows are not as `BenchmarkFile` says.
    """
    document = read_json(path, ResultError, "name the folder of measured times with `benchmarks`")
    if not isinstance(document, dict) or not {"machine", "model", "rows"} <= set(document):
        return None
    try:
        return BenchmarkFile.model_validate(document)
    except ValidationError as error:
        raise ResultError(f"{path}: {first_problem(error)}") from error

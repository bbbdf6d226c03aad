"""A user's own requests: rows of a JSON or CSV file, or pairs of source and dest.

A mistake is named as people count: a line of a CSV file, its header being line 1, or an entry of a JSON list, from 1.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iceb.base.errors import DataError, SpecError
from iceb.base.messages import shorten
from iceb.base.readers import read_json, read_text
from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.specs.requests import EditRequest, check_template
from iceb.specs.results import first_problem

BETWEEN = "|"  # between several values in one cell of a CSV file
REMEDY = "name a JSON list of objects with source and dest, or CSV whose first line is source,dest"
SEVERAL = ("dest", "prompts", "aliases", "tests", "neighbours")
BEYOND = ""  # the name under which cells beyond the header's stand
OTHER_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar"}


class OwnRow(BaseModel):
    """A row of the user's file: source, destinations and training; only `source` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1)
    dest: str | tuple[str, ...] = ()  # none erases, one replaces, several balance
    prompts: tuple[str, ...] = TRAIN_TEMPLATES  # training templates, each with exactly one "{}"
    aliases: tuple[str, ...] = ()  # other names of the source
    seed: int | None = Field(default=None, ge=0)  # None: the row's number, from 0
    tests: tuple[str, ...] = ()  # free-form prompts that judge the edit, each with exactly one "{}"
    neighbours: tuple[str, ...] = ()  # concepts near the source that shall stay as they are

    def request(self, number: int) -> EditRequest:
        """The request of the row at this place."""
        dests = tuple(self.dest.split(BETWEEN)) if isinstance(self.dest, str) else self.dest
        return EditRequest(
            id=f"own/{number:04d}",
            source=self.source.strip(),
            dests=tuple(dest.strip() for dest in dests if dest.strip()),
            templates=self.prompts,
            seed=number if self.seed is None else self.seed,
            aliases=self.aliases,
        )


@dataclass(frozen=True)
class OwnConcept:
    """One row of the user's file: what is edited, and what else the row says of how to judge it."""

    request: EditRequest
    tests: tuple[str, ...] = ()  # free-form prompts; none: those of iceb.datasets.own_requests
    neighbours: tuple[str, ...] = ()  # none: those that follow from the source's class


def read_requests(path: Path) -> tuple[EditRequest, ...]:
    """The requests in a file, without what else it says; see `read_concepts`."""
    return tuple(concept.request for concept in read_concepts(path))


def read_concepts(path: Path) -> tuple[OwnConcept, ...]:
    """The rows of a file: a JSON list of objects, or CSV with a header, by the file's ending.

    Keys and columns are source, dest, prompts, aliases, seed, tests, neighbours; in CSV "|" stands between several
    values of a cell, and without a column dest every source is erased.

    Raises:
        DataError: the file cannot be read, a row is wrong, or two rows name one source.
        SpecError: the ending is neither .json nor .csv.
    """
    kinds = {".json": _json_rows, ".csv": _csv_rows}
    if path.suffix.lower() not in kinds:
        raise SpecError(f"`requests` {shorten(str(path))}: must end in {' or '.join(kinds)}")
    return _concepts(kinds[path.suffix.lower()](path), str(path))


def typed_requests(sources: Sequence[str], dests: Sequence[str]) -> tuple[EditRequest, ...]:
    """Make requests from pairs of source and dest, paired in order; no dest at all erases.

    Raises:
        SpecError: there are some of both, and not as many.
    """
    if dests and len(dests) != len(sources):
        raise SpecError(f"{len(sources)} `source` and {len(dests)} `dest`: give one of each for every request")
    pairs = zip(sources, dests or [""] * len(sources), strict=True)
    rows = {f"{place}": {"source": source, "dest": dest} for place, (source, dest) in enumerate(pairs, start=1)}
    return tuple(concept.request for concept in _concepts(rows, "`source`"))


def own_requests(
    requests: Path | None, source: Sequence[str], dest: Sequence[str], task: str | None, num_edits: int | None
) -> tuple[EditRequest, ...]:
    """The requests that are not a task's: of a file, or typed; none where a task's are asked for.

    Raises:
        SpecError: nothing was asked for, or two things were.
    """
    typed = bool(source or dest)
    if requests is None and not typed:
        if task is None or num_edits is None:
            raise SpecError("nothing to edit: give `task` and `num_edits`, or `requests`, or `source` and `dest`")
        return ()
    if requests is not None and typed:
        raise SpecError("`requests` and `source` both name requests: choose one of them")
    if num_edits is not None:
        raise SpecError(f"`num_edits` {num_edits}: is for a task's requests; your own are all edited")
    return read_requests(requests) if requests is not None else typed_requests(source, dest)


def _json_rows(path: Path) -> dict[str, Any]:
    """The entries of a list, by their place."""
    found = read_json(path, DataError, REMEDY)
    if not isinstance(found, list):
        raise DataError(f"{path}: holds a {type(found).__name__}: expected a list of objects with source and dest")
    return {f"entry {place}": entry for place, entry in enumerate(found, start=1)}


def _csv_rows(path: Path) -> dict[str, Any]:
    """The rows below the header, by the line of the file that each begins on."""
    reader = csv.DictReader(io.StringIO(read_text(path, DataError, REMEDY), newline=""), restkey=BEYOND)
    rows: dict[str, Any] = {}
    try:
        _check_header(reader.fieldnames or (), path)
        for row in reader:
            begun = reader.line_num - sum(cell.count("\n") for cell in row.values() if isinstance(cell, str))
            place = f"line {begun}"
            rows[place] = _cells(row, f"{path}, {place}")
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}); {REMEDY}") from error
    return rows


def _check_header(names: Sequence[str], path: Path) -> None:
    """Refuse a header without the column that every row needs.

    Raises:
        DataError: as it says; it knows a file of another separator.
    """
    if "source" in names or not names:
        return
    line = ",".join(names)
    for separator, word in OTHER_SEPARATORS.items():
        if "source" in [name.strip() for name in line.split(separator)]:
            raise DataError(f"{path}, line 1: looks like {word} separated ({line!r}): save it separated by commas")
    raise DataError(
        f"{path}, line 1: no column source, but {', '.join(names)}: begin with a header such as source,dest"
    )


def _cells(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A row without its empty cells; several values where a column may hold several.

    Raises:
        DataError: the row has more cells than the header, or an empty destination.
    """
    if BEYOND in row:
        raise DataError(f"{where}: more cells than the header names: put a text that holds a comma in quotes")
    if "dest" in row and not (row["dest"] or "").strip():
        raise DataError(
            f"{where}: dest is empty: fill it in; to erase every source leave the column dest out, and to erase some "
            "of them write the requests as JSON"
        )
    filled = {name: value for name, value in row.items() if value}
    return {name: value.split(BETWEEN) if name in SEVERAL else value for name, value in filled.items()}


def _concepts(rows: Mapping[str, Any], where: str) -> tuple[OwnConcept, ...]:
    """The concepts of rows by their place."""
    if not rows:
        raise DataError(f"{where}: holds no requests: write one or more, each with a source")
    concepts = tuple(_concept(row, number, f"{where}, {place}") for number, (place, row) in enumerate(rows.items()))
    seen: dict[str, EditRequest] = {}
    for request in (concept.request for concept in concepts):
        if (first := seen.setdefault(request.source, request)) is not request:
            aims = "" if first.dests == request.dests else f", to become {_aim(first)} and {_aim(request)}"
            raise DataError(f"{where}: source {request.source!r} stands twice{aims}: name each source once")
    return concepts


def _aim(request: EditRequest) -> str:
    return " or ".join(map(repr, request.dests)) or "nothing"


def _concept(row: Any, number: int, where: str) -> OwnConcept:
    try:
        found = OwnRow.model_validate(row)
        for test in found.tests:
            check_template(test, "test prompt")
        return OwnConcept(found.request(number), found.tests, found.neighbours)
    except ValidationError as error:
        allowed = ", ".join(OwnRow.model_fields)
        raise DataError(f"{where}: {first_problem(error)}; a row has {allowed}") from error
    except SpecError as error:
        raise DataError(f"{where}: {error}") from error

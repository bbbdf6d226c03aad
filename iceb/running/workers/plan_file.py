"""The file of a plan: what several workers make together, as each of them reads it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iceb.base.cache import cache_root
from iceb.base.cache_url import url_of
from iceb.base.digest import digest, digest_bytes
from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.base.readers import check_fields, read_json
from iceb.running.plan import Ask
from iceb.specs.results import first_problem

SCHEMA = "iceb/plan@1"
FIELDS = ("schema", "folder", "out", "runs")
FOLDER, NAME = "plans", "plan.json"  # below the folder of runs
REMEDY = "name the plan.json of a launched run"


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan, and the id that it had when it was planned."""

    id: str
    ask: Ask


@dataclass(frozen=True)
class WorkPlan:
    """The runs that several workers make together.

    Attributes:
        folder: where the command was given; relative paths in settings and options begin there.
        out: the folder of runs.
    """

    runs: tuple[PlannedRun, ...]
    folder: Path
    out: Path

    def with_execution(self, *, device: str, workers: int) -> "WorkPlan":
        """Return the plan on another device with another number of threads, which stand in no run's id."""
        runs = [(run, replace(run.ask.execution, device=device, workers=workers)) for run in self.runs]
        return replace(self, runs=tuple(replace(run, ask=replace(run.ask, execution=own)) for run, own in runs))


def write_plan(runs: Sequence[PlannedRun], out: Path) -> Path:
    """Write the plan of some runs below the folder of runs; return its path.

    Its folder is named by the runs, and by the plan's whole content: workers that are queued keep the plan that they
    were given when another one of the same runs, with another cache or on another device, is written.

    Raises:
        SpecError: a method was given as a class or an object, which no other process can find.
        StoreError: the folder cannot be written.
    """
    plan = WorkPlan(tuple(runs), Path.cwd(), out.expanduser().resolve())
    document = {
        "schema": SCHEMA,
        "folder": str(plan.folder),
        "out": str(plan.out),
        "runs": [{"id": run.id, "ask": _ask_document(run.ask)} for run in runs],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    data = f"{text}\n".encode()
    path = plan.out / FOLDER / f"{_name(runs)}-{digest_bytes(data)[:8]}" / NAME
    write_atomic(path, data)
    return path


def _name(runs: Sequence[PlannedRun]) -> str:
    ids = [run.id for run in runs]
    return ids[0].replace("/", "_") if len(ids) == 1 else f"sweep_{digest(ids)[:8]}"


def _ask_document(ask: Ask) -> dict[str, Any]:
    if not isinstance(ask.method, str):
        raise SpecError(
            "`method`: a class or an object cannot be written into a plan for other processes: register it as a "
            "package's entry point (docs/adding_a_method.md) and give its name"
        )
    root = cache_root(ask.cache).resolve()
    found: dict[str, Any] = TypeAdapter(Ask).dump_python(replace(ask, cache=root), mode="json")
    return {**found, "cache": url_of(root) or str(root)}  # each machine has a local layer of its own


def planned_ids(path: Path) -> list[str]:
    """Read the ids of a plan's runs, also from a plan that another version has written.

    Raises:
        SpecError: it cannot be read, or names none.
    """
    remedy = "remove its folder unless workers go on with it"
    found = read_json(path, SpecError, remedy)
    try:
        return [str(each["id"]) for each in found["runs"]]
    except (KeyError, TypeError) as error:
        raise SpecError(f"{path}: no plan (it names no runs): {remedy}") from error


def read_plan(path: Path) -> WorkPlan:
    """Read a plan's file.

    Raises:
        SpecError: it cannot be read, or is no plan.
    """
    found = read_json(path, SpecError, REMEDY)
    try:
        check_fields(found, FIELDS)
        if found.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        runs = [PlannedRun(str(each["id"]), TypeAdapter(Ask).validate_python(each["ask"])) for each in found["runs"]]
        return WorkPlan(tuple(runs), Path(found["folder"]), Path(found["out"]))
    except ValidationError as error:
        raise SpecError(f"{path}: no plan ({first_problem(error)}): {REMEDY}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{path}: no plan ({error}): {REMEDY}") from error

"""Carry out a plan and write the run's folder; valid files of an earlier run stay."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb.base.cache import require_writable
from iceb.base.errors import IcebError, ResultError
from iceb.base.files import write_atomic
from iceb.base.messages import without_fields
from iceb.running import cache_use
from iceb.running.evaluate import Run
from iceb.running.planned import Plan
from iceb.running.plugin_records import join_records
from iceb.running.result_record import Outcome
from iceb.runs.folder import PLAN, RESULT, read_result, refuse_other_data, write_requests
from iceb.runs.ledger import LEDGER, ImageRow, encode_ledger, ledger_record, read_ledger
from iceb.runs.table import TABLE, TableRow, read_table, with_metrics
from iceb.specs.degenerate import DegenerateRecord
from iceb.specs.records import TableRecord
from iceb.specs.results import Result
from iceb.stores.remote import uploads_finished


def run(plan: Plan, out: Path) -> tuple[Result, Path]:
    """Carry out a plan and write its folder, `out`/<id>: the result and what rescoring it needs.

    A run that fails leaves a result too, with status "failed" and the error, unless an earlier run's stands there;
    everything made so far stays in the cache. A run that drew nothing and scores as the one before it leaves that one's
    file as it is: what it says of time, memory and origin is of the run that did the work.

    Returns:
        The result, and the path of result.json.

    Raises:
        IcebError: as `evaluate`; or `out`, or the cache where something must be made, cannot be written, or `out` holds
            the same run with other prompts or requests, which is found before any work; or what was made could not be
            uploaded to the cache's URL, after the result is written.
    """
    with uploads_finished(plan.parts.cache):
        return _run(plan, out)


def _run(plan: Plan, out: Path) -> tuple[Result, Path]:
    refuse_other_data(out, plan.spec)
    folder = out / plan.spec.id
    path = folder / RESULT
    write_atomic(folder / PLAN, "".join(f"{line}\n" for line in plan.lines()).encode())
    if plan.has_work:
        require_writable(plan.parts.cache)
    cache_use.note(plan.parts.cache, out)
    current = Run(plan)
    try:
        outcome = current.outcome()
    except Exception as error:
        if _read_unfailed(path) is None:
            write_atomic(path, current.result(error=_error_text(error)).to_json().encode())
        raise
    return _write(folder, current, outcome, current.result(outcome)), path


def _error_text(error: Exception) -> str:
    """An error as a failed result keeps it."""
    return str(error) if isinstance(error, IcebError) else f"{type(error).__name__}: {without_fields(str(error))}"


def _write(folder: Path, current: Run, outcome: Outcome, result: Result) -> Result:
    """Write the files of a finished run, the result last because it names the others; return the result."""
    write_requests(folder, [request for batch in current.plan.batches for request in batch.requests])
    earlier, rows, ledger, table = _read_earlier(folder), current.images.rows, outcome.ledger, outcome.table
    if earlier is not None and (more := _more_metrics(earlier.result, result)):
        groups = [*(each.scores for each in earlier.result.checkpoints), earlier.result.scores]
        result, table = with_metrics(result, outcome.scores.table, groups, earlier.table, more)
        known = {(row.checkpoint, row.prompt) for row in rows}
        rows = [*rows, *(row for row in earlier.rows if (row.checkpoint, row.prompt) not in known)]
        ledger = encode_ledger(rows)
        plugins = join_records(earlier.result.plugins, result.plugins)
        counts = _joined_counts(earlier.result, result)
        result = result.model_copy(
            update={"images": ledger_record(ledger, rows), "plugins": plugins, "degenerate": counts}
        )
    if earlier is None or result.cost.images_drawn or _files_of(earlier.result) != _files_of(result):
        write_atomic(folder / LEDGER, ledger)
        write_atomic(folder / TABLE, table)
        write_atomic(folder / RESULT, result.to_json().encode())
    elif found := _not_recorded(earlier.result, result):  # by the version that made it
        write_atomic(folder / RESULT, earlier.result.model_copy(update=found).to_json().encode())
    return result


@dataclass(frozen=True)
class _EarlierRun:
    """An earlier run's result with the files that it names."""

    result: Result
    rows: list[ImageRow]
    table: list[TableRow]


def _read_earlier(folder: Path) -> _EarlierRun | None:
    """Read an earlier run from its folder; None if there is none, it failed, or a file is damaged."""
    found = _read_unfailed(folder / RESULT)
    if found is None or found.per_concept is None:
        return None
    try:
        return _EarlierRun(found, read_ledger(folder, found.images), read_table(folder / TABLE, found.per_concept))
    except ResultError:
        return None


def _not_recorded(earlier: Result, result: Result) -> dict[str, Any]:
    """Return what a run found beside its scores that its earlier result does not have."""
    found = {name: getattr(result, name) for name in ("degenerate", "effects") if getattr(earlier, name) is None}
    return {name: value for name, value in found.items() if value is not None}


def _joined_counts(earlier: Result, result: Result) -> DegenerateRecord | None:
    """Join the degenerate images of two runs' prompts; None where one does not count them alike."""
    first, second = earlier.degenerate, result.degenerate
    if first is None or second is None or first.measure != second.measure:
        return None
    return second.with_roles_of(first)


def _files_of(result: Result) -> tuple[TableRecord | None, TableRecord | None]:
    return result.per_concept, result.images


def _more_metrics(earlier: Result, result: Result) -> list[str]:
    """Return the metrics that only an earlier result of this run has; none if the other metrics disagree."""
    agree = all(earlier.score(score.metric) in (None, score) for score in result.scores)
    return [score.metric for score in earlier.scores if agree and result.score(score.metric) is None]


def _read_unfailed(path: Path) -> Result | None:
    """Read an earlier result at `path`; None if there is none or the run failed."""
    try:
        found = read_result(path)
    except ResultError:
        return None
    return None if found.status == "failed" else found

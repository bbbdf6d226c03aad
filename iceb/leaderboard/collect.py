"""Result files become checked results; what may not stand on a table is refused with its reason."""

from pathlib import Path

from iceb.base.errors import ResultError
from iceb.running.folder import read_result
from iceb.running.retained import shown
from iceb.specs.results import Result


def refusal(result: Result) -> str | None:
    """Why a result may not stand on a table; None if it may."""
    if result.status == "failed":
        return f"the run failed ({result.error}): run it again to the end"
    if result.status == "partial":
        return f"the run is partial (--limit {result.limit}): run it again without --limit"
    if result.provenance.dirty:
        return "it was made from uncommitted code (dirty: true): commit, and run it again"
    if result.method.retained_scored:
        return f"what it retains names {shown(result.method.retained_scored)}: leave them out, and run it again"
    if all(score.value is None for score in result.scores):
        return "no metric has a value"
    return None


def accepted(result: Result, name: str) -> Result:
    """The result itself.

    Raises:
        ResultError: it may not stand on a table; the message says why and what to do.
    """
    reason = refusal(result)
    if reason is not None:
        raise ResultError(f"{name} cannot stand on a leaderboard: {reason}")
    return result


def collect(folder: Path) -> list[Result]:
    """All results below `folder`, sorted by id.

    Raises:
        ResultError: a file is malformed, refused, not where its id says, or not byte for byte as iceb writes it.
    """
    results = [_collected(path, folder) for path in sorted(folder.rglob("*.json"))]
    return sorted(results, key=lambda result: result.id)


def place(result: Result) -> Path:
    """Where a result lies below leaderboards/results: its id names the file."""
    return Path(f"{result.id}.json")


def _collected(path: Path, folder: Path) -> Result:
    result = accepted(read_result(path), str(path))
    if path.relative_to(folder) != place(result):
        raise ResultError(f"{path}: its id is {result.id}: move it to {folder / place(result)}, or use --add")
    if path.read_text(encoding="utf-8") != result.to_json():
        raise ResultError(
            f"{path}: is not written as iceb writes it: was it edited by hand? add the run's own file again"
        )
    return result

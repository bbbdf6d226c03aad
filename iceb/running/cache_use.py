"""Find the cache files that run folders refer to, so that the rest can be removed.

The cache records every folder that runs were written to, so that pruning knows all of them.

A run's images and measured rows are known exactly. Its edit is not (the key needs the model), so every edit that the
same method made with the same settings on the same model counts as used. Scratch belongs to methods, not to runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from iceb.base.digest import canonical, digest
from iceb.base.errors import IcebError, ResultError, StoreError
from iceb.base.files import content_path
from iceb.base.readers import is_folder
from iceb.running.degenerate_images import detector, keys_of
from iceb.running.measuring import stored_revision
from iceb.running.rescore import make_scorer
from iceb.running.scoring import registered_metric
from iceb.running.workers.plan_file import FOLDER, NAME, planned_ids
from iceb.runs.folder import PLAN, RESULT, folders_with, read_result
from iceb.runs.ledger import ImageRow, read_ledger
from iceb.specs.results import Result
from iceb.stores.damage import DamagedError, publish_checked, read_checked, read_quietly
from iceb.stores.edits import EditSummary, summary_of
from iceb.stores.images import ImageStore
from iceb.stores.own_files import stored_files

NOTES, SUFFIX = "runs", ".txt"  # the cache's folder that names the folders of runs
DEVICES = ("cpu", "cuda")  # a run's images may have been measured on another device


@dataclass(frozen=True)
class RunUse:
    """One run and the cache files that it refers to."""

    id: str
    status: str
    files: frozenset[Path]

    @property
    def bytes(self) -> int:
        """Total size of those files that still exist."""
        return sum(_size(path) for path in self.files)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def note(cache: Path, out: Path) -> None:
    """Record in the cache that runs are written to `out`, if the cache is writable."""
    place = str(out.expanduser().resolve())
    path = content_path(cache / NOTES, digest(place), SUFFIX)
    with suppress(StoreError, UnicodeEncodeError):
        publish_checked(path, place.encode(), lambda: read_checked(path, _place))


def known_folders(cache: Path) -> list[Path]:
    """List the existing folders that runs with this cache were written to, sorted."""
    return sorted(place for place in set(_places(cache).values()) if is_folder(place))


def missing_folders(cache: Path) -> dict[Path, Path]:
    """Find notes whose folder is missing: removed, or on a disk that is not mounted."""
    return {note: place for note, place in _places(cache).items() if not is_folder(place)}


def damaged_notes(cache: Path) -> list[Path]:
    """Find notes that no longer name a folder."""
    return [path for path in _notes(cache) if read_quietly(path, _place) is None]


def _places(cache: Path) -> dict[Path, Path]:
    """Map each undamaged note to the folder that it names."""
    found = {path: read_quietly(path, _place) for path in _notes(cache)}
    return {path: place for path, place in found.items() if place is not None}


def _notes(cache: Path) -> list[Path]:
    return sorted((cache / NOTES).glob(f"*/*{SUFFIX}"))


def _place(path: Path) -> Path:
    place = path.read_bytes().decode("utf-8")
    if digest(place) != path.stem:
        raise DamagedError("not the note that was written")
    return Path(place)


def runs(outs: Sequence[Path], cache: Path) -> list[RunUse]:
    """Find every run below `outs` that has not failed, sorted, each once, with its cache files.

    Raises:
        ResultError: a run's folder is damaged, or names what is not installed; the message names the file.
    """
    results = {folder: read_result(folder / RESULT) for folder in folders_with(outs, RESULT)}
    edits = {file.path: summary_of(file.path) for file in stored_files(cache, ["edits"])}
    return [_use(folder, result, cache, edits) for folder, result in results.items() if result.status != "failed"]


def unfinished_runs(outs: Sequence[Path]) -> list[Path]:
    """List the folders of stopped runs, and of plans for several workers of which a run has no result.

    Their work is in the cache, and they can be resumed.

    Raises:
        SpecError: a plan cannot be read; the message names it.
        ResultError: a folder cannot be read.
    """
    stopped = [folder for folder in folders_with(outs, PLAN) if not (folder / RESULT).is_file()]
    plans = [folder for folder in folders_with(outs, NAME) if folder.parent.name == FOLDER]
    return [*stopped, *(folder for folder in plans if not _has_results(folder))]


def _has_results(plan: Path) -> bool:
    """Whether each run of a plan has a result, in the folder of runs that the plan's folder stands in."""
    out = plan.parent.parent
    return all((out / each / RESULT).is_file() for each in planned_ids(plan / NAME))


def _use(folder: Path, result: Result, cache: Path, edits: dict[Path, EditSummary | None]) -> RunUse:
    rows = read_ledger(folder, result.images)
    images = ImageStore(cache)
    try:
        files = {images.path(key) for row in rows for key in (row.before, row.after) if key is not None}
        files.update(_row_files(result, rows, cache), _edits(result, edits))
    except IcebError as error:
        raise ResultError(f"{folder}: {error}") from error
    return RunUse(result.id, result.status, frozenset(files))


def _row_files(result: Result, rows: Sequence[ImageRow], cache: Path) -> Iterator[Path]:
    """Yield the files that hold the measured rows of a run's images."""
    metrics = [registered_metric(score.full_name) for score in result.scores]
    scorer = make_scorer(result, metrics, cache, "cpu")
    for kind, keys in scorer.row_keys(rows).items():
        measure = scorer.measures[kind]
        for device in dict.fromkeys((*DEVICES, result.device_kind)):
            yield from scorer.measuring.measured.paths(measure.id, stored_revision(measure, device), keys)
    if result.degenerate is not None:
        measure, images = detector(), list(keys_of(rows))
        for device in dict.fromkeys((*DEVICES, result.device_kind)):
            yield from scorer.measuring.measured.paths(measure.id, stored_revision(measure, device), images)


def _edits(result: Result, edits: dict[Path, EditSummary | None]) -> Iterator[Path]:
    wanted = canonical([result.method.name, result.method.version, result.method.params, result.model.repo])
    for path, summary in edits.items():
        about = summary.about if summary else {}
        if canonical([about.get(name) for name in ("method", "version", "params", "model")]) == wanted:
            yield path

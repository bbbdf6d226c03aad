"""Find the cache files that run folders refer to, so that the rest can be removed.

The cache notes every folder that runs were written to, so pruning knows them all, whatever it is told.

A run's images and numbers are known exactly. Its edit is not (its key needs the model), so every edit that the same
method made with the same settings on the same model is kept with it. Scratch belongs to methods, not to runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from iceb.base.digest import canonical, digest
from iceb.base.errors import IcebError, ResultError, StoreError
from iceb.base.files import content_path
from iceb.base.readers import is_folder
from iceb.running.measuring import kind_of, stored_revision
from iceb.running.rescore import make_scorer
from iceb.running.scoring import registered_metric
from iceb.runs.folder import PLAN, RESULT, folders_with, read_result
from iceb.runs.ledger import ImageRow, read_ledger
from iceb.specs.results import Result
from iceb.stores.damage import DamagedError, publish_checked, read_checked, read_quietly
from iceb.stores.edits import EditSummary, summary_of
from iceb.stores.images import ImageStore
from iceb.stores.own_files import stored_files

NOTES, SUFFIX = "runs", ".txt"  # the cache's folder that names the folders of runs
DEVICES = ("cpu", "cuda")  # a run's images may have been measured elsewhere than where they were drawn


@dataclass(frozen=True)
class RunUse:
    """One run and the files of the cache that it refers to."""

    id: str
    status: str
    files: frozenset[Path]

    @property
    def bytes(self) -> int:
        """Size of those files that are still there."""
        return sum(_size(path) for path in self.files)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def note(cache: Path, out: Path) -> None:
    """Let the cache know that runs are written to `out`, where it can be written."""
    place = str(out.expanduser().resolve())
    path = content_path(cache / NOTES, digest(place), SUFFIX)
    with suppress(StoreError, UnicodeEncodeError):
        publish_checked(path, place.encode(), lambda: read_checked(path, _place))


def known_folders(cache: Path) -> list[Path]:
    """The folders that runs with this cache were written to and that are there; sorted."""
    return sorted(place for place in set(_places(cache).values()) if is_folder(place))


def missing_folders(cache: Path) -> dict[Path, Path]:
    """Notes whose folder is not there: it was removed, or it lies on a disk that is not mounted now."""
    return {note: place for note, place in _places(cache).items() if not is_folder(place)}


def damaged_notes(cache: Path) -> list[Path]:
    """Notes that do not tell their folder any more."""
    return [path for path in _notes(cache) if read_quietly(path, _place) is None]


def _places(cache: Path) -> dict[Path, Path]:
    """Note → the folder that it names; without damaged ones."""
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
    """Every run below `outs` that has not failed, sorted, each once.

    Raises:
        ResultError: a run's folder is damaged, or names what is not installed; the message names the file.
    """
    results = {folder: read_result(folder / RESULT) for folder in folders_with(outs, RESULT)}
    edits = {file.path: summary_of(file.path) for file in stored_files(cache, ["edits"])}
    return [_use(folder, result, cache, edits) for folder, result in results.items() if result.status != "failed"]


def unfinished_runs(outs: Sequence[Path]) -> list[Path]:
    """Folders of runs that were stopped: what they have made is in the cache, and they could go on."""
    return [folder for folder in folders_with(outs, PLAN) if not (folder / RESULT).is_file()]


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
    """Where the numbers of a run's images lie."""
    metrics = [registered_metric(score.full_name) for score in result.scores]
    scorer = make_scorer(result, metrics, cache, "cpu")
    for kind, keys in scorer.row_keys(rows).items():
        measure = scorer.measures[kind]
        for device in dict.fromkeys((*DEVICES, kind_of(str(result.execution.get("device", ""))))):
            yield from scorer.measuring.measured.paths(measure.id, stored_revision(measure, device), keys)


def _edits(result: Result, edits: dict[Path, EditSummary | None]) -> Iterator[Path]:
    wanted = canonical([result.method.name, result.method.version, result.method.params, result.model.repo])
    for path, summary in edits.items():
        about = summary.about if summary else {}
        if canonical([about.get(name) for name in ("method", "version", "params", "model")]) == wanted:
            yield path

"""What run folders refer to in the cache, so that the rest can be removed.

The cache notes every folder that runs were written to, so pruning knows them all, whatever it is told. A file that is
younger than some hours stays in any case: a process that is running now may be about to use it.

A run's pictures and numbers are known exactly. Its edit is not (its key needs the model), so every edit that the same
method made with the same settings on the same model for as many requests is kept with it. Scratch belongs to methods,
not to runs.
"""

import json
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb.base.digest import canonical, digest
from iceb.base.errors import ResultError, SpecError, StoreError
from iceb.base.files import TEMPORARY, content_path, publish
from iceb.running.folder import RESULT, read_result
from iceb.running.ledger import FILE, ImageRow, read_ledger
from iceb.running.rescore import make_scorer
from iceb.running.scoring import registered_metric
from iceb.specs.results import Result
from iceb.stores.edits import HEADER
from iceb.stores.images import ImageStore

KINDS = ("images", "measured", "edits")  # what a run refers to
NOTES = "runs"  # the cache's folder that names the folders of runs


@dataclass(frozen=True)
class RunUse:
    """One run and the files of the cache that it refers to."""

    id: str
    status: str
    files: frozenset[Path]

    @property
    def bytes(self) -> int:
        """Size of those files that are still there."""
        return sum(found.bytes for found in files(self.files))


@dataclass(frozen=True)
class File:
    """A file of the cache as it was when it was looked at."""

    path: Path
    bytes: int
    made: float  # seconds since the epoch


def files(paths: Iterable[Path]) -> list[File]:
    """Those paths that are files, sorted; another process may remove them at any moment."""
    found = []
    for path in sorted(set(paths)):
        try:
            if path.is_file():
                stat = path.stat()
                found.append(File(path, stat.st_size, stat.st_mtime))
        except FileNotFoundError:
            continue
    return found


def note(cache: Path, out: Path) -> None:
    """Let the cache know that runs are written to `out`, where it can be written."""
    place = str(out.expanduser().resolve())
    with suppress(StoreError):
        publish(content_path(cache / NOTES, digest(place), ".txt"), place.encode())


def noted(cache: Path) -> list[Path]:
    """The folders that runs with this cache were written to, those that are gone left out; sorted."""
    named = {Path(file.path.read_text(encoding="utf-8")) for file in files((cache / NOTES).rglob("*.txt"))}
    return sorted(path for path in named if path.is_dir())


def runs(outs: Sequence[Path], cache: Path) -> list[RunUse]:
    """Every run below `outs`, sorted, each once.

    Raises:
        ResultError: a run's folder is damaged, or names what is not installed.
    """
    folders = {path.parent.resolve() for out in outs for path in out.rglob(RESULT)}
    return [_use(folder, cache) for folder in sorted(folders) if (folder / FILE).is_file()]


def unfinished(outs: Sequence[Path]) -> list[Path]:
    """Folders of runs that were stopped or failed: what they have made is in the cache, and they could go on."""
    folders = {path.parent.resolve() for out in outs for path in out.rglob("plan.txt")}
    return sorted(folder for folder in folders if not (folder / FILE).is_file())


def _use(folder: Path, cache: Path) -> RunUse:
    result = read_result(folder / RESULT)
    rows = read_ledger(folder)
    images = ImageStore(cache)
    files = {images.path(key) for row in rows for key in (row.before, row.after) if key is not None}
    files.update(_measured(result, rows, cache), _edits(result, cache))
    return RunUse(result.id, result.status, frozenset(files))


def _measured(result: Result, rows: Sequence[ImageRow], cache: Path) -> Iterator[Path]:
    """Where the numbers of a run's images lie."""
    metrics = [registered_metric(score.metric) for score in result.scores]
    scorer = make_scorer(result, metrics, cache, "cpu")
    for kind, keys in scorer.row_keys(rows).items():
        measure = scorer.measures[kind]
        yield from scorer.measuring.measured.paths(measure.id, measure.revision, keys)


def _edits(result: Result, cache: Path) -> Iterator[Path]:
    wanted = canonical([result.method.name, result.method.version, result.method.params, result.model.repo])
    for path in (cache / "edits").rglob("*.safetensors"):
        about = _about(path)
        if canonical([about.get(name) for name in ("method", "version", "params", "model")]) == wanted:
            yield path


def _about(path: Path) -> dict[str, Any]:
    """What an edit's file says about itself: eight bytes of length, then a JSON header (the safetensors format)."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    found: dict[str, Any] = json.loads(header["__metadata__"][HEADER])["about"]
    return found


def unreferenced(cache: Path, used: Sequence[RunUse], *, scratch: bool = False) -> list[File]:
    """Files of the cache that no run refers to, and what killed processes left behind.

    Args:
        scratch: what methods and the text reader keep, too.

    Raises:
        ResultError: there is no run at all, which is more likely a wrong folder than a wish.
    """
    if not used:
        raise ResultError("no run refers to anything, so everything would go: name the folder of the runs with --runs")
    kept = frozenset[Path]().union(*(run.files for run in used))
    kinds = (*KINDS, "scratch", "texts") if scratch else KINDS
    stores = [path for kind in kinds for path in (cache / kind).rglob("*") if path not in kept]
    return files([*stores, *cache.rglob(f"{TEMPORARY}*")])


def removable(cache: Path, outs: Sequence[Path], *, scratch: bool, hours: float) -> tuple[list[File], int]:
    """What pruning removes, and how many unreferenced files it leaves because they are younger than `hours`.

    Args:
        outs: folders of runs; those that the cache has noted count as well.

    Raises:
        SpecError: a run is unfinished and would lose its pictures, or one of `outs` is not a folder.
        ResultError: as `runs` and `unreferenced`.
    """
    for out in outs:
        if not out.is_dir():
            raise SpecError(f"--runs {out} is not a folder: name the folder that iceb evaluate --out wrote to")
    outs = [*outs, *noted(cache)]
    going = unfinished(outs)
    if going:
        raise SpecError(
            f"{len(going)} runs are unfinished and would lose their pictures ({going[0]}): "
            "run them to the end, or remove their folders"
        )
    spare = unreferenced(cache, runs(outs, cache), scratch=scratch)
    old = [file for file in spare if file.made <= time.time() - hours * 3600]
    return old, len(spare) - len(old)

"""What run folders refer to in the cache, so that the rest can be removed.

A run's pictures and numbers are known exactly. Its edit is not (its key needs the model), so every edit that the same
method made with the same settings on the same model for as many requests is kept with it. Scratch belongs to methods,
not to runs.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.digest import canonical
from iceb.base.errors import ResultError
from iceb.base.files import TEMPORARY
from iceb.running.folder import RESULT, read_result
from iceb.running.ledger import FILE, Ledger, read_ledgers
from iceb.running.measuring import paths
from iceb.running.rescore import used_measures
from iceb.specs.metrics import Metric
from iceb.specs.prompts import Role
from iceb.specs.results import Result
from iceb.stores.edits import HEADER
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

KINDS = ("images", "measured", "edits")  # what a run refers to


@dataclass(frozen=True)
class RunUse:
    """One run and the files of the cache that it refers to."""

    id: str
    status: str
    files: frozenset[Path]

    @property
    def bytes(self) -> int:
        """Size of those files that are still there."""
        return sum(path.stat().st_size for path in self.files if path.is_file())


def runs(out: Path, cache: Path) -> list[RunUse]:
    """Every run below `out`, sorted.

    Raises:
        ResultError: a run's folder is damaged, or names what is not installed.
    """
    return [_use(path.parent, cache) for path in sorted(out.rglob(RESULT)) if (path.parent / FILE).is_file()]


def unfinished(out: Path) -> list[Path]:
    """Folders of runs that were stopped or failed: what they have made is in the cache, and they could go on."""
    return sorted({path.parent for path in out.rglob("plan.txt") if not (path.parent / FILE).is_file()})


def _use(folder: Path, cache: Path) -> RunUse:
    result = read_result(folder / RESULT)
    before, after = read_ledgers(folder)
    images = ImageStore(cache)
    files = {images.path(key) for key in (*before.keys, *after.keys)}
    files.update(_measured(result, (before, after), cache), _edits(result, cache))
    return RunUse(result.id, result.status, frozenset(files))


def _measured(result: Result, sides: tuple[Ledger, Ledger], cache: Path) -> Iterator[Path]:
    metrics: list[Metric] = [registry.load("metrics", score.metric) for score in result.scores]
    store = MeasuredStore(cache)
    for kind, measure in used_measures(result, metrics, "cpu").items():
        roles = frozenset[Role]().union(*(metric.roles for metric in metrics if metric.measure == kind))
        for side in sides:
            yield from paths(store, measure, side.of(roles))


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


def unreferenced(cache: Path, used: list[RunUse]) -> list[Path]:
    """Files of the cache that no run refers to, and what killed processes left behind.

    Raises:
        ResultError: there is no run at all, which is more likely a wrong folder than a wish.
    """
    if not used:
        raise ResultError("no run refers to anything, so everything would go: name the folder of the runs with --runs")
    kept = frozenset[Path]().union(*(run.files for run in used))
    stores = [path for kind in KINDS for path in (cache / kind).rglob("*") if path.is_file()]
    fragments = [path for path in cache.rglob(f"{TEMPORARY}*") if path.is_file()]
    return sorted({path for path in stores if path not in kept} | set(fragments))

"""Scores from stored pictures: a new metric on an old run is arithmetic, and the diffusion model is never loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.errors import SpecError
from iceb.running.folder import RESULT, read_result, run_folder
from iceb.running.ledger import read_ledgers
from iceb.running.measuring import Measuring
from iceb.running.parts import scored
from iceb.specs.metrics import Measure, Metric
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.stores import cache_root
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


def rescore(
    folder: Path, names: Sequence[str] = (), cache: Path | None = None, device: str = "cpu"
) -> tuple[Result, list[ScoreRecord]]:
    """The scores of a run's folder, from its pictures in the cache.

    Args:
        folder: as `iceb evaluate` wrote it, or the result.json in it.
        names: the metrics; () for those of the result.

    Raises:
        ResultError: the folder is not that of a run.
        SpecError: no such metric, or one that needs pictures the run did not draw or a measure it did not use.
        StoreError: a picture is not in the cache any more.
    """
    folder = run_folder(folder)
    result = read_result(folder / RESULT)
    before, after = read_ledgers(folder)
    metrics: list[Metric] = [registry.load("metrics", name) for name in names or _own(result)]
    drawn = {prompt.role for prompt in before.prompts}
    for metric in metrics:
        if metric.name not in _own(result) and not metric.roles <= drawn:  # its own may be empty: they say so again
            lacking = ", ".join(sorted(metric.roles - drawn))
            raise SpecError(f"metric {metric.name} reads {lacking} pictures, which this run did not draw")
    root = cache_root(cache)
    measuring = Measuring(ImageStore(root), MeasuredStore(root), device == "cpu")
    aims = result.method.reaches_dest is not False
    found = scored(metrics, used_measures(result, metrics, device), measuring, before, after, reaches_dest=aims)
    return result, found


def _own(result: Result) -> list[str]:
    return [score.metric for score in result.scores]


def used_measures(result: Result, metrics: Sequence[Metric], device: str) -> dict[str, Measure]:
    """The measures that the result names, by the kind that metrics name them."""
    used = {score.measure for score in result.scores}
    found: dict[str, Measure] = {}
    for score in result.scores:
        kind = registry.load("metrics", score.metric).measure
        found.setdefault(kind, _named(score.measure, device))
    for metric in metrics:
        if metric.measure not in found:
            raise SpecError(f"metric {metric.name} needs a measure of kind {metric.measure}; this run used {used}")
    return {metric.measure: found[metric.measure] for metric in metrics}


def _named(identity: str, device: str) -> Measure:
    """The registered measure with this id."""
    for entry in registry.registered("measures"):
        kind: Any = entry.load()
        if kind.id == identity:
            made: Measure = kind(device=device)
            return made
    raise SpecError(f"measure {identity} is not installed: install the package that registers it")

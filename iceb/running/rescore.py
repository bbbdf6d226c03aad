"""Scores from stored images: a new metric on an old run is arithmetic, and the diffusion model is never loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import ResultError, SpecError
from iceb.base.files import write_atomic
from iceb.running.folder import RESULT, read_result, run_folder
from iceb.running.ledger import ImageRow, read_ledger
from iceb.running.measuring import Measuring
from iceb.running.scoring import RegisteredMetric, Scorer, Scores, registered_metric
from iceb.running.table import TABLE, read_table, with_metrics
from iceb.specs.metrics import REFERENCE, Measure, Metric
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


def rescore(named: Path, names: Sequence[str] = (), cache: Path | None = None, device: str = "cpu") -> Result:
    """The run with its scores computed again from its images in the cache; metrics it had not are added to its files.

    Args:
        named: a run's folder, or the result.json in it.
        names: the metrics; () for those of the result.

    Raises:
        ResultError: the folder is not that of a finished run.
        SpecError: no such metric, or one that needs images the run did not draw or a measure it did not use.
        StoreError: an image is not in the cache any more.
    """
    folder = run_folder(named)
    result = read_result(folder / RESULT)
    if result.status == "failed":
        raise ResultError(f"{folder} failed ({result.error}): only a finished run has images to score")
    rows = read_ledger(folder)
    metrics = [registered_metric(name) for name in names or [score.metric for score in result.scores]]
    scorer = make_scorer(result, metrics, cache_root(cache), device)
    _refuse_undrawn(result, metrics, rows)
    scores = scorer.scores(rows)
    added = [each.metric.name for each in metrics if result.score(each.metric.name) is None]
    if added:
        return _add(folder, result, scores, added)
    return result.model_copy(update={"scores": _last(scores)})


def _last(scores: Scores) -> tuple[ScoreRecord, ...]:
    """The scores of the last group of checkpoints."""
    return list(scores.groups.values())[-1] if scores.groups else ()


def make_scorer(result: Result, metrics: Sequence[RegisteredMetric], cache: Path, device: str) -> Scorer:
    """What computes metrics of a run's images, with the measures that the run used."""
    measuring = Measuring(ImageStore(cache), MeasuredStore(cache), device == "cpu")
    used = used_measures(result, [each.metric for each in metrics], device)
    return Scorer(metrics, used, measuring, reaches_dest=result.method.reaches_dest)


def _refuse_undrawn(result: Result, metrics: Sequence[RegisteredMetric], rows: Sequence[ImageRow]) -> None:
    for metric in (each.metric for each in metrics):
        if result.score(metric.name) is not None:  # its own may be empty: they say so again
            continue
        for need in metric.needs:
            read = [row for row in rows if need.accepts(row.prompt)]
            sides = [side for side in need.sides if not side.startswith(REFERENCE)]
            if not read or any(row.key(side) is None for row in read for side in sides):
                raise SpecError(
                    f"metric {metric.name} reads {need.role} images ({', '.join(need.sides)}), which this run did not "
                    f"draw: run iceb evaluate with --metric {metric.name}"
                )


def _add(folder: Path, result: Result, scores: Scores, added: Sequence[str]) -> Result:
    """Enter new metrics into the run's files; the table first, because the result names it."""
    table = read_table(folder / TABLE, result.per_concept) if result.per_concept else []
    changed, data = with_metrics(result, table, list(scores.groups.values()), scores.table, added)
    write_atomic(folder / TABLE, data)
    write_atomic(folder / RESULT, changed.to_json().encode())
    return changed


def used_measures(result: Result, metrics: Sequence[Metric], device: str) -> dict[str, Measure]:
    """The measures that the result names, by the kind that metrics name them.

    Raises:
        SpecError: a metric needs a kind of measure that the run did not use, or a measure is not installed.
    """
    used = {kind: record.id for score in result.scores for kind, record in score.measures.items()}
    kinds = dict.fromkeys(need.measure for metric in metrics for need in metric.needs)
    if lacking := [kind for kind in kinds if kind not in used]:
        known = ", ".join(used.values()) or "none"
        raise SpecError(f"a metric needs a measure of kind {lacking[0]}; this run used {known}")
    return {kind: named_measure(used[kind], device) for kind in kinds}


def named_measure(identity: str, device: str) -> Measure:
    """The registered measure with this id.

    Raises:
        SpecError: none of those that can be loaded has it.
    """
    broken = ""
    for entry in registry.registered("measures"):
        try:
            kind: Any = entry.load()
        except SpecError as error:
            broken += f"; {error}"
            continue
        if kind.id == identity:
            made: Measure = kind(device=device)
            return made
    raise SpecError(f"measure {identity} is not installed: install the package that registers it{broken}")

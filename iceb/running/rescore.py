"""Score a run from its stored images; the diffusion model is never loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import ResultError, SpecError, StoreError
from iceb.base.files import write_atomic
from iceb.datasets import open_dataset
from iceb.models.families import FAMILIES
from iceb.running.measure_choice import make_measure, measure_for, named_measure
from iceb.running.measuring import ImagesLost, Measuring
from iceb.running.plugin_records import join_records, metric_entries, plugin_records
from iceb.running.reference_images import References, reference_images
from iceb.running.scoring import RegisteredMetric, Scorer, Scores, registered_metric
from iceb.runs.folder import RESULT, read_requests, read_result, run_folder
from iceb.runs.ledger import ImageRow, read_ledger
from iceb.runs.table import TABLE, read_table, with_metrics
from iceb.specs.execution import device_kind
from iceb.specs.metrics import REFERENCE, Measure, Metric, reference_names
from iceb.specs.records import ScoreRecord
from iceb.specs.requests import shared_clusters
from iceb.specs.results import Result
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


def rescore(named: Path, names: Sequence[str] = (), cache: Path | None = None, device: str = "cpu") -> Result:
    """Recompute a run's scores from its images in the cache, and add new metrics to its files.

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
    rows = read_ledger(folder, result.images)
    metrics = [registered_metric(name) for name in names or [score.full_name for score in result.scores]]
    scorer = replace(make_scorer(result, metrics, cache_root(cache), device), clusters=_clusters(result, folder))
    _refuse_undrawn(result, metrics, rows)
    scores = _scores(scorer, rows, result)
    if added := [each for each in metrics if result.score(each.metric.name) is None]:
        return _add(folder, result, scores, added)
    return result.model_copy(update={"scores": _last(scores)})


def _clusters(result: Result, folder: Path) -> Mapping[str, str]:
    """Clusters that several concepts of the run share; none where its task is not installed."""
    try:
        task = registry.load("tasks", result.task.name)
    except SpecError:
        return {}
    return shared_clusters(task.cluster, read_requests(folder).values())


def _scores(scorer: Scorer, rows: Sequence[ImageRow], result: Result) -> Scores:
    try:
        return scorer.scores(rows)
    except ImagesLost as lost:
        raise StoreError(
            f"{len(lost.keys)} images of this run are not in the cache {scorer.measuring.images.folder.parent}: name "
            f"the `cache` that it was drawn into, or draw them again: {result.provenance.command}"
        ) from lost


def _last(scores: Scores) -> tuple[ScoreRecord, ...]:
    """Return the scores of the last group of checkpoints."""
    return list(scores.groups.values())[-1] if scores.groups else ()


def make_scorer(result: Result, metrics: Sequence[RegisteredMetric], cache: Path, device: str) -> Scorer:
    """Make the scorer of a run's images, with the measures that the run used."""
    found = _references(result, [each.metric for each in metrics], cache)
    measuring = Measuring(ImageStore(cache), MeasuredStore(cache), device_kind(device), found.paths)
    used = used_measures(result, [each.metric for each in metrics], device)
    return Scorer(metrics, used, measuring, found.keys, result.method.reaches_dest)


def _references(result: Result, metrics: Sequence[Metric], cache: Path) -> References:
    """Return the reference images if some metric reads them; otherwise the dataset is not opened."""
    if not any(map(reference_names, metrics)):
        return References({}, {})
    return reference_images(open_dataset(result.task.dataset, None, cache))


def _refuse_undrawn(result: Result, metrics: Sequence[RegisteredMetric], rows: Sequence[ImageRow]) -> None:
    for metric in (each.metric for each in metrics):
        if result.score(metric.name) is not None:  # metrics of the run may have read nothing, and keep their note
            continue
        for need in metric.needs:
            read = [row for row in rows if need.accepts(row.prompt)]
            sides = [side for side in need.sides if not side.startswith(REFERENCE)]
            if not read or any(row.key(side) is None for row in read for side in sides):
                raise SpecError(
                    f"metric {metric.name} reads {need.role} images ({', '.join(need.sides)}), which this run did not "
                    f"draw: run it again with `metrics={metric.name}`"
                )


def _add(folder: Path, result: Result, scores: Scores, added: Sequence[RegisteredMetric]) -> Result:
    """Write new metrics to the run's files; the table first, because the result names it."""
    table = read_table(folder / TABLE, result.per_concept) if result.per_concept else []
    names = [each.metric.name for each in added]
    changed, data = with_metrics(result, table, list(scores.groups.values()), scores.table, names)
    used = {kind for score in result.scores for kind in score.measures}
    records = plugin_records(metric_entries(added, _named_measures(result), used))
    changed = changed.model_copy(update={"plugins": join_records(result.plugins, records)})
    write_atomic(folder / TABLE, data)
    write_atomic(folder / RESULT, changed.to_json().encode())
    return changed


def used_measures(result: Result, metrics: Sequence[Metric], device: str) -> dict[str, Measure]:
    """Make the measures that the result names, by kind; for a new kind, the model's own.

    Raises:
        SpecError: there is no measure of a kind, or it is not installed.
        MeasureError: a measure cannot be made.
    """
    used = {kind: record.id for score in result.scores for kind, record in score.measures.items()}
    named = _named_measures(result)
    kinds = dict.fromkeys(need.measure for metric in metrics for need in metric.needs)
    return {
        kind: named_measure(used[kind], device) if kind in used else make_measure(measure_for(kind, named), device)
        for kind in kinds
    }


def _named_measures(result: Result) -> Mapping[str, str]:
    """Return kind → registered name, as the family of the run's model says."""
    family = FAMILIES.get(result.model.family)
    return family.measures if family else {}

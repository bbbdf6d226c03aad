"""One line for each statistic of a concept; every score can be computed from these lines."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceb.base.files import write_atomic
from iceb.export.asking import ExportAsk, Exported
from iceb.export.scored import marks_of
from iceb.leaderboard.finding import row_name
from iceb.leaderboard.row_clusters import cluster_names, requests_of
from iceb.report.site.boards import Board
from iceb.report.site.read_runs import ReadRun
from iceb.runs.table import last_group_rows
from iceb.specs.influences import seeds_of
from iceb.specs.records import ScoreRecord
from iceb.specs.reduce import counted_values
from iceb.specs.reduction import ConceptValue, Reduction
from iceb.specs.results import Result

if TYPE_CHECKING:
    import pyarrow

VERSION = 1  # of the lines' form; raised where a column changes its meaning
FORMULA = "value = Σ over roles of role_weight × (Σ weight × score / Σ weight), where combine is sum and over is empty"


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One statistic of one concept; `COLUMNS` says what each field holds."""

    run: str
    task: str
    dataset: str
    model: str
    method: str
    label: str
    num_edits: int
    status: str
    limit: int | None
    share: float | None
    outside: str
    draw: str
    seed: int
    replicate: int
    checkpoint: str
    metric: str
    metric_version: int
    unit: str
    better: str
    role: str
    item: str
    item_name: str
    cluster: str
    before: float | None
    after: float | None
    score: float
    images: int
    weight: float
    role_weight: float
    over: str
    combine: str


COLUMNS: Mapping[str, str] = {
    "run": "the run's id; with metric it names one score",
    "task": "the task's registered name",
    "dataset": "the dataset's registered name",
    "model": "the repository of the unedited model",
    "method": "the method's registered name",
    "label": "the method with its settings in words",
    "num_edits": "how many requests the run edits at a time",
    "status": "complete, or partial: of a part of the prompts, or where images were not handed in",
    "limit": "of a partial run, the most prompts of each role; else missing",
    "share": "of a partial run, the part of the prompts that was drawn at random; else missing",
    "outside": "of own requests, and of images or models made elsewhere, the mark in words; else empty",
    "draw": "the disjoint set of concepts, where a run repeats its edit on several; else empty",
    "seed": "the place of the method's seed within its draw, from 0",
    "replicate": "which repetition of the same concept",
    "checkpoint": "the state of the model",
    "metric": "the metric's registered name",
    "metric_version": "its version: scores of two versions do not compare",
    "unit": "of score, before and after",
    "better": "the direction, higher or lower",
    "role": "the part of the metric, usually the role of its prompts",
    "item": "the concept, as the run's table names it",
    "item_name": "source and destinations of its request; empty where it is no request, or its dataset is not at hand",
    "cluster": "what was drawn at random: the item, or the destination that several items share",
    "before": "the statistic on the unedited model, as the role counts it",
    "after": "and on the edited one",
    "score": "the change that counts: rise, fall, or one side alone",
    "images": "on each side",
    "weight": "of the item within its role",
    "role_weight": "of the role's mean in the value; 0 for one that only divides, or only gives the error",
    "over": "the role by whose mean this one's is divided; empty where there is none",
    "combine": "how roles join: sum, harmonic, geometric; set for a distance of sets of images",
}


def item_lines(run: ReadRun, ask: ExportAsk) -> Iterator[ItemLine]:
    """Yield a run's lines: of the last group of checkpoints, whose scores are the result's own."""
    result = run.result
    rows = last_group_rows(result, run.table)
    requests = run.requests or requests_of(result)
    names = {key: request.in_words for key, request in requests.items()}
    clusters = cluster_names(result)
    head = {**_run_fields(result), "label": row_name(result)}
    for score in result.scores:
        if not ask.reads(score.metric):
            continue
        values = [row.value for row in rows if row.metric == score.metric]
        counted = _weights_and_changes(values, score.reduction.reduction)
        for seed, (value, weight, change) in zip(seeds_of(values), counted, strict=True):
            yield ItemLine(
                **head,
                **_score_fields(score, value.part),
                draw=value.draw,
                seed=int(seed or 0),
                replicate=value.replicate,
                checkpoint=value.checkpoint,
                role=value.part,
                item=value.concept,
                item_name=names.get(value.concept, ""),
                cluster=clusters.get(value.concept, value.concept),
                before=value.before,
                after=value.after,
                score=change,
                images=value.n,
                weight=weight,
            )


def _run_fields(result: Result) -> dict[str, Any]:
    """The fields that all lines of a run share."""
    return {
        "run": result.id,
        "task": result.task.name,
        "dataset": result.task.dataset,
        "model": result.model.repo,
        "method": result.method.name,
        "num_edits": result.num_edits,
        **marks_of(result),
    }


def _score_fields(score: ScoreRecord, name: str) -> dict[str, Any]:
    """The fields that all lines of a metric's part share."""
    reduction = score.reduction.reduction
    part = reduction.parts[name]
    return {
        "metric": score.metric,
        "metric_version": score.version,
        "unit": score.unit,
        "better": "higher" if score.higher_is_better else "lower",
        "role_weight": part.weight,
        "over": part.over,
        "combine": "set" if reduction.kind == "set" else reduction.combine,
    }


def _weights_and_changes(
    values: Sequence[ConceptValue], reduction: Reduction
) -> Iterator[tuple[ConceptValue, float, float]]:
    """Each statistic with its weight and change; distances of sets count the same at every checkpoint."""
    for value, weight, change in counted_values(values, reduction):
        yield value, 1.0 if reduction.kind == "set" else weight, change


def write_long_csv(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write the lines as CSV; what is missing is an empty cell.

    Raises:
        StoreError: the file cannot be written.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    lines = [astuple(line) for run in runs_of(boards) for line in item_lines(run, ask)]
    writer.writerows([COLUMNS, *lines])
    write_atomic(out, stream.getvalue().encode())
    return Exported((out,), len(lines), "item")


def write_parquet(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write the lines as parquet, a row group a run; the schema's metadata say what each column holds.

    Raises:
        StoreError: the file cannot be written.
    """
    import pyarrow.parquet

    schema, stream, records = _schema(boards), io.BytesIO(), 0
    with pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        for run in runs_of(boards):
            lines = list(item_lines(run, ask))
            columns = zip(*map(astuple, lines), strict=True) if lines else [[] for _ in schema]
            arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            records += len(lines)
    write_atomic(out, stream.getvalue())
    return Exported((out,), records, "item")


def runs_of(boards: Sequence[Board]) -> list[ReadRun]:
    """The runs of some boards, in their order."""
    return [run for board in boards for run in board.runs.values()]


def _schema(boards: Sequence[Board]) -> "pyarrow.Schema":
    import pyarrow

    kinds = {"int": pyarrow.int64(), "float": pyarrow.float64()}
    columns = [
        pyarrow.field(
            field.name,
            kinds.get(_kind(field.type).removesuffix(" | None"), pyarrow.string()),
            nullable=_kind(field.type).endswith("None"),
            metadata={"description": COLUMNS[field.name]},
        )
        for field in fields(ItemLine)
    ]
    return pyarrow.schema(columns, {"iceb": json.dumps(_metadata(boards), ensure_ascii=False)})


def _kind(annotation: Any) -> str:
    """A field's type as it is written."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _metadata(boards: Sequence[Board]) -> dict[str, Any]:
    from iceb import __version__

    return {
        "form": "one line a scored item",
        "version": VERSION,
        "iceb": __version__,
        "value": FORMULA,
        "columns": dict(COLUMNS),
        "runs": {
            run.result.id: {
                "table_sha256": run.result.per_concept.sha256 if run.result.per_concept else None,
                "command": run.result.provenance.command,
            }
            for run in runs_of(boards)
        },
    }

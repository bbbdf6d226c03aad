"""Results made by hand from per-concept statistics: the light half of the suite needs no model."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.leaderboard.filed_result import table_beside
from iceb.runs.table import TableRow, encode_table, table_record
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.meanings import bounds_of
from iceb.specs.methods import MethodCard
from iceb.specs.metrics import Metric, asks_dest
from iceb.specs.records import CheckpointRecord, MethodRecord, ModelRecord, ScoreRecord, TableRecord, TaskRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue, Score
from iceb.specs.results import Result
from iceb.specs.run_records import Cost, Provenance
from iceb.specs.runs import MeasureRef, ModelRef, RunSpec, Sampling
from iceb.specs.tasks import Task

JUDGE = MeasureRef(id="vit_mini@1", revision="8" * 64)
IMAGES = 5  # of a concept
UNCOUNTED = "adb5f113dce6a7427bb39328045f2077d24c2571"  # made before runs counted degenerate images


def concept_values(metric: Metric, value: float, stderr: float | None, concepts: int) -> list[ConceptValue]:
    """Statistics of `concepts` concepts in each part, from which `metric` makes `value` and `stderr`."""
    reach = math.sqrt(math.fsum(part.weight**2 for part in metric.reduction.parts.values()))
    total = math.fsum(abs(part.weight) for part in metric.reduction.parts.values())
    spread = (stderr or 0.0) * math.sqrt(max(concepts - 1, 1)) / reach
    found = []
    for name, part in metric.reduction.parts.items():
        for place in range(concepts):
            change = value / total + (spread if place % 2 else -spread) * (concepts > 1)
            change = -change if part.change == "fall" else change
            found.append(ConceptValue(f"{name} {place}", name, 0.5 - change / 2, 0.5 + change / 2, IMAGES))
    return found


def score_records(
    scores: Mapping[str, float | None], stderr: float | None, concepts: int, *, reaches_dest: bool, group: str = ""
) -> tuple[tuple[ScoreRecord, ...], tuple[TableRow, ...]]:
    """Scores of registered metrics and the rows that make them; None leaves a metric without rows."""
    records, rows = [], []
    for name, value in scores.items():
        metric: Metric = registry.load("metrics", name)
        values = [] if value is None else concept_values(metric, value, stderr, concepts if stderr is not None else 1)
        erased = value is None and not reaches_dest and asks_dest(metric)
        score = Score(None, None, 0, 0, "erases") if erased else reduce_values(values, metric.reduction)
        used = {need.measure: JUDGE for need in metric.needs}
        ends = score_interval(values, metric.reduction, score, {}, bounds_of(name))
        records.append(ScoreRecord.of(metric, "iceb", used, score).model_copy(update={"interval": ends}))
        rows += [TableRow(group, name, each) for each in values]
    return tuple(records), tuple(rows)


@dataclass(frozen=True)
class Made:
    """A result and the table that makes its scores."""

    result: Result
    rows: tuple[TableRow, ...]

    def save(self, path: Path) -> Path:
        """Write both; `path` is the result's file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.result.to_json(), encoding="utf-8")
        table_beside(path).write_bytes(encode_table(self.rows))
        return path

    def with_fields(self, **fields: Any) -> "Made":
        """With other fields in the result."""
        return replace(self, result=self.result.model_copy(update=fields))

    def with_score(self, metric: str, **fields: Any) -> "Made":
        """With other fields in one score."""
        scores = [s.model_copy(update=fields) if s.metric == metric else s for s in self.result.scores]
        return self.with_fields(scores=tuple(scores))

    def with_rows(self, rows: tuple[TableRow, ...]) -> "Made":
        """With another table, which the result names as its own."""
        data = encode_table(rows)
        return replace(self.with_fields(per_concept=table_record(data, rows)), rows=rows)

    def from_run(self, **fields: Any) -> "Made":
        """From another run of the same thing."""
        return self.with_fields(provenance=self.result.provenance.model_copy(update=fields))


def make(
    method: str = "emcid",
    num_edits: int = 2,
    scores: Mapping[str, float | None] | None = None,
    *,
    stderr: float | None = 0.01,
    concepts: int = 2,
    earlier: Mapping[str, Mapping[str, float | None]] | None = None,
    paper: str | None = None,
    package: str = "iceb",
    params: Mapping[str, Any] | None = None,
    changed: Mapping[str, Any] | None = None,
    reaches_dest: bool = True,
    retained: tuple[str, ...] = (),
    recipe: str = "",
    limit: int | None = None,
    dirty: bool | None = False,
    error: str | None = None,
    family: str = "mini",
    steps: int = 10,
    data: str = "d" * 64,
    code: str = "9" * 64,
    prompts: str = "5" * 64,
    finished: str = "2026-01-01T00:01:00Z",
) -> Made:
    """A small result with its table; `earlier` are scores by group of checkpoints before the last one."""
    spec = RunSpec(
        task="aice",
        task_version=1,
        dataset="aice_embedded",
        dataset_version=1,
        requests_sha256="e" * 64,
        prompts_sha256=prompts,
        method=method,
        method_version=1,
        package=package,
        code=code,
        params=params or {},
        num_edits=num_edits,
        model=ModelRef(family, f"iceb/{family}", "1" * 40),
        sampling=Sampling("ddim", steps, 3.0, 32, 32),
        limit=limit,
    )
    groups = {**(earlier or {}), "": scores or {"edit_score": 0.25}}
    made = {
        group: score_records(each, stderr, concepts, reaches_dest=reaches_dest, group=group)
        for group, each in groups.items()
    }
    rows = tuple(row for _, found in made.values() for row in found)
    table = table_record(encode_table(rows), rows)
    result = Result.of(
        spec,
        task=_task_record(data, prompts),
        method=MethodRecord(
            name=method,
            version=1,
            package=package,
            package_version="0.1.0",
            code=code,
            paper=_paper(method, package) if paper is None else paper,
            recipe=recipe,
            params=spec.params,
            changed=changed or {},
            reaches_dest=reaches_dest,
            retained_scored=retained,
        ),
        model=_model_record(spec),
        scores=made[""][0],
        checkpoints=tuple(CheckpointRecord(group=each, edits=1, scores=made[each][0]) for each in earlier or {}),
        per_concept=TableRecord(sha256=table.sha256, rows=table.rows),
        cost=_cost(),
        provenance=_provenance(dirty, finished),
        error=error,
    )
    return Made(result, rows)


def _paper(method: str, package: str) -> str:
    """The paper that an installed method's card names; of another method any."""
    try:
        card: MethodCard = registry.load("methods", f"{package}/{method}").card
    except SpecError:
        return "arXiv:2403.13807"
    return card.paper


def _task_record(data: str, prompts: str) -> TaskRecord:
    return TaskRecord(
        name="aice",
        version=1,
        dataset="aice_embedded",
        dataset_version=1,
        card_sha256="c" * 64,
        data_sha256={"edits": data},
        requests_sha256="e" * 64,
        prompts_sha256=prompts,
    )


def _model_record(spec: RunSpec) -> ModelRecord:
    model = spec.model
    return ModelRecord(
        family=model.family,
        repo=model.repo,
        revision=model.revision,
        dtype=model.dtype,
        digest="a" * 64,
        edited_digest=("b" * 64,),
    )


def _cost() -> Cost:
    return Cost(
        edit_seconds=12.5,
        draw_seconds=3.0,
        measure_seconds=0.5,
        peak_bytes=2_000_000_000,
        images_drawn=30,
        images_reused=70,
        images_found=0,
        edits_found=0,
    )


def _provenance(dirty: bool | None, finished: str) -> Provenance:
    return Provenance(
        command="iceb evaluate",
        commit=UNCOUNTED,
        dirty=dirty,
        python="3.11.7",
        packages={"torch": "2.3.0"},
        device="cpu",
        threads=1,
        started="2026-01-01T00:00:00Z",
        finished=finished,
    )


@pytest.fixture
def make_result() -> Callable[..., Made]:
    """The function that makes a small result with its table."""
    return make


@pytest.fixture
def result() -> Callable[..., Result]:
    """The function that makes a small result."""
    return lambda *args, **named: make(*args, **named).result


@pytest.fixture
def task() -> Task:
    """A task of the shape of AICE."""
    return Task(
        name="aice",
        version=1,
        title="Arbitrary ImageNet Concept Editing",
        paper="arXiv:2403.13807",
        dataset="aice",
        kind="replace",
        metrics=("edit_score", "source2dest", "holdout_delta"),
        headline="edit_score",
        edit_counts=(1, 10),
        roles=("source", "holdout"),
        headline_note="Its top is near 0.5.",
    )

"""Results made by hand: the light half of the suite needs no model."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from iceb.specs.records import Cost, MethodRecord, ModelRecord, Provenance, ScoreRecord, TaskRecord
from iceb.specs.results import Result
from iceb.specs.runs import ModelRef, RunSpec, Sampling
from iceb.specs.tasks import Task


def score_record(metric: str, value: float | None, stderr: float | None = 0.01) -> ScoreRecord:
    """One score of a metric called `metric`; None leaves it missing with a note."""
    missing = value is None
    return ScoreRecord(
        metric=metric,
        version=1,
        measure="vit_mini@1",
        unit="probability",
        higher_is_better=True,
        value=value,
        stderr=None if missing else stderr,
        n=0 if missing else 10,
        concepts=0 if missing else 2,
        note="no alias prompts in this task" if missing else "",
    )


def make_result(
    method: str = "emcid",
    num_edits: int = 2,
    scores: Mapping[str, float | None] | None = None,
    *,
    stderr: float | None = 0.01,
    paper: str = "arXiv:2403.13807",
    package: str = "iceb",
    params: Mapping[str, Any] | None = None,
    changed: Mapping[str, Any] | None = None,
    reaches_dest: bool | None = None,
    recipe: str = "",
    limit: int | None = None,
    dirty: bool | None = False,
    error: str | None = None,
    family: str = "mini",
    steps: int = 10,
    data: str = "d" * 64,
) -> Result:
    """A small result; what a test does not name takes a fixed value."""
    spec = RunSpec(
        task="aice",
        dataset="aice_embedded",
        method=method,
        params=params or {},
        num_edits=num_edits,
        model=ModelRef(family, f"iceb/{family}", "1" * 40),
        sampling=Sampling("ddim", steps, 3.0, 32, 32),
        limit=limit,
    )
    return Result.of(
        spec,
        task=TaskRecord(
            name="aice",
            version=1,
            dataset="aice_embedded",
            card_sha256="c" * 64,
            data_sha256={"edits": data},
            requests_sha256="e" * 64,
        ),
        method=MethodRecord(
            name=method,
            version=1,
            package=package,
            package_version="0.1.0",
            paper=paper,
            recipe=recipe,
            params=spec.params,
            changed=changed,
            reaches_dest=reaches_dest,
        ),
        model=ModelRecord(
            family=family,
            repo=spec.model.repo,
            revision=spec.model.revision,
            dtype="float32",
            digest="a" * 64,
            edited_digest=("b" * 64,),
        ),
        scores=tuple(score_record(n, v, stderr) for n, v in (scores or {"edit_score": 0.25}).items()),
        cost=Cost(
            edit_seconds=12.5,
            draw_seconds=3.0,
            measure_seconds=0.5,
            peak_bytes=2_000_000_000,
            images_drawn=30,
            images_reused=70,
        ),
        provenance=Provenance(
            command="iceb evaluate",
            commit="f" * 40,
            dirty=dirty,
            python="3.11.7",
            packages={"torch": "2.3.0"},
            device="cpu",
            started="2026-01-01T00:00:00Z",
            finished="2026-01-01T00:01:00Z",
        ),
        error=error,
    )


@pytest.fixture
def result() -> Callable[..., Result]:
    """The function that makes a small result."""
    return make_result


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
    )

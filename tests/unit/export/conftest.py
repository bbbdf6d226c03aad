"""Results of four methods with scatter of their own, read as an export reads them."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iceb.export.asking import ExportAsk
from iceb.export.forms import export
from iceb.report.site.boards import Board, make_boards
from iceb.report.site.read_runs import read_runs
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.meanings import bounds_of
from iceb.specs.reduce import reduce_values

CONCEPTS = 24
SOURCE = "https://example.org/iceb"
GAINS = {  # of the mean change: what a method is to reach in each metric
    "emcid": {"edit_score": 0.30, "source2dest": 0.30, "holdout_delta": -0.02},
    "uce": {"edit_score": 0.20, "source2dest": 0.31, "holdout_delta": -0.10},
    "rece": {"edit_score": 0.20, "source2dest": 0.10, "holdout_delta": -0.021},
    "unedited": {"edit_score": 0.0, "source2dest": 0.0, "holdout_delta": 0.0},
}


def scatter(made: Any, gains: Mapping[str, float], seed: int) -> Any:
    """A result with a difficulty that all methods share, its own gain and scatter, and the scores these make."""
    shared, own = np.random.default_rng(7), np.random.default_rng(seed)
    rows = []
    for row in made.rows:
        before = 0.4 + 0.1 * shared.random()
        change = gains[row.metric] + 0.05 * own.normal() if any(gains.values()) else 0.0
        rows.append(
            dataclasses.replace(row, value=dataclasses.replace(row.value, before=before, after=before + change))
        )
    scores = []
    for score in made.result.scores:
        values = [row.value for row in rows if row.metric == score.metric]
        found = reduce_values(values, score.reduction.reduction)
        names = ("value", "stderr", "low", "high", "before", "after", "n", "concepts", "note")
        ends = score_interval(values, score.reduction.reduction, found, {}, bounds_of(score.metric))
        made_again = {name: getattr(found, name) for name in names}
        scores.append(score.model_copy(update={**made_again, "interval": ends}))
    return made.with_rows(tuple(rows)).with_fields(scores=tuple(scores))


@pytest.fixture
def make_scattered(make_result: Callable[..., Any]) -> Callable[..., Any]:
    """The function that makes a result of a method at 10 edits, from its gains and a seed of its scatter."""

    def make(method: str, gains: Mapping[str, float], seed: int) -> Any:
        paper = "" if method == "unedited" else None
        return scatter(make_result(method, 10, dict(gains), concepts=CONCEPTS, paper=paper), gains, seed)

    return make


@pytest.fixture
def results(make_result: Callable[..., Any], make_scattered: Callable[..., Any], tmp_path: Path) -> Path:
    """A folder with results of four methods at 10 edits, and of an eraser without a headline."""
    folder = tmp_path / "results"
    for seed, (method, gains) in enumerate(GAINS.items()):
        make_scattered(method, gains, seed).save(folder / f"{method}.json")
    erased = {"edit_score": None, "source2dest": None, "holdout_delta": -0.2}
    make_result("esd", 10, erased, concepts=CONCEPTS, reaches_dest=False).save(folder / "esd.json")
    return folder


@pytest.fixture
def board(results: Path) -> Board:
    """The one table that these results make."""
    (found,) = make_boards(read_runs([results])[0])
    return found


@pytest.fixture
def hub(results: Path, tmp_path: Path) -> Path:
    """The folder for the Hub."""
    export([results], "hf", tmp_path / "hub", ExportAsk(hub_dataset="somebody/iceb", source_url=SOURCE))
    return tmp_path / "hub"


@pytest.fixture
def eee(results: Path, tmp_path: Path) -> Path:
    """The folder of records."""
    export([results], "eee", tmp_path / "eee", ExportAsk(organization="Some Lab", relationship="other"))
    return tmp_path / "eee"

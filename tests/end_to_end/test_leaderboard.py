"""From a run to a row: a real run's folder is added, checked, and reproduced by another run."""

import json
from pathlib import Path

import pytest
import torch
import toy

from iceb.base.errors import ResultError
from iceb.leaderboard.adding import add_all
from iceb.leaderboard.collect import collect
from iceb.running.run_folder import run
from iceb.runs.folder import read_result


def clean_run(model: Path, folder: Path, threads: int) -> Path:
    """The result file of a run on an empty cache, as of committed code."""
    standing = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _, path = run(toy.make_plan(model, folder / "cache"), folder / "out")
    finally:
        torch.set_num_threads(standing)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["provenance"]["dirty"] = False
    document["provenance"]["threads"] = threads
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def runs(tiny_sd_folder, tmp_path_factory):
    """Two runs of one thing, with one thread and with two."""
    folder = tmp_path_factory.mktemp("runs")
    return [clean_run(tiny_sd_folder, folder / str(threads), threads) for threads in (1, 2)]


def test_a_run_becomes_a_row_and_a_run_with_other_threads_its_reproduction(runs, tmp_path):
    (tmp_path / "results").mkdir()
    (first,) = add_all(tmp_path, [runs[0]], lambda name: toy.TASK).results
    (second,) = add_all(tmp_path, [runs[1]], lambda name: toy.TASK).results
    assert second.name == f"{first.stem}.r2.json"
    assert [result.id for result in collect(tmp_path / "results")] == 2 * [read_result(runs[0]).id]
    (page,) = tmp_path.glob("toy-*.md")
    text = page.read_text(encoding="utf-8")
    assert "| shake (tests) | own | 1 |" in text  # method, fidelity, reproductions
    assert "  - at 2, reproduced: `iceb evaluate`" in text


def test_a_real_runs_score_cannot_be_forged(runs, tmp_path):
    forged = tmp_path / "forged"
    forged.mkdir()
    for path in runs[0].parent.iterdir():
        (forged / path.name).write_bytes(path.read_bytes())
    document = json.loads((forged / "result.json").read_text(encoding="utf-8"))
    honest = document["scores"][0]["value"]
    document["scores"][0]["value"] = honest + 1e-6
    (forged / "result.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "results").mkdir()
    with pytest.raises(ResultError, match=f"metric edit_score: value is .*, the table makes {honest}"):
        add_all(tmp_path, [forged], lambda name: toy.TASK)
    assert list((tmp_path / "results").iterdir()) == []

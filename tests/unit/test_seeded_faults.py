"""Parts of the seeded faults: on how many images a broken judge fails, what is exchanged, and what is a problem."""

import re
from pathlib import Path

import numpy as np
import pytest

from iceb.metrics.measures.classifier import ClassProbability
from iceb.runs.folder import read_result
from iceb.runs.ledger import ImageRow
from iceb.specs.degenerate import DegenerateCounts, DegenerateRecord
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.runs import MeasureRef
from tools import faulty_parts, seeded_faults
from tools.faults_page import HEAD, PAGE, table_lines, with_table
from tools.seeded_faults import FAULTS, Fault, Said, image_file

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results" / "aice"
IMAGES = [MeasureInput(np.full((4, 4, 3), shade, np.uint8)) for shade in range(200)]


@pytest.fixture(autouse=True)
def sound_judge(monkeypatch):
    """Stands for the network of mini's judge."""
    monkeypatch.setattr(ClassProbability, "__call__", lambda self, inputs: np.ones((len(inputs), 2), np.float32))
    faulty_parts.FailingMeasure.seen.clear()


def test_a_broken_judge_fails_on_the_same_images_however_they_are_shown():
    judge = faulty_parts.PartlyNaN()
    rows = judge(IMAGES)
    assert np.isnan(rows).any(axis=1).sum() == 25
    assert np.array_equal(judge(IMAGES[::-1])[::-1], rows, equal_nan=True)
    assert np.isnan(faulty_parts.AllNaN()(IMAGES)).all()


def test_a_judge_that_raises_does_so_for_few_or_many():
    def count_lost(judge):
        return sum(_raises(judge, each) for each in IMAGES)

    assert [count_lost(faulty_parts.RarelyFailing()), count_lost(faulty_parts.OftenFailing())] == [2, 25]


def _raises(judge, image):
    try:
        judge([image])
    except ValueError:
        return True
    return False


def test_roles_and_sides_are_exchanged_and_a_tenth_removed(tmp_path):
    rows = [
        ImageRow("end", "", Prompt(f"{role} {place}", place, role), "a" * 64, "b" * 64)
        for role in ("source", "dest")
        for place in range(10)
    ]
    for row in rows:
        for side in ("before", "after"):
            (tmp_path / side).mkdir(exist_ok=True)
            image_file(tmp_path, side, row).write_text(f"{side} {row.prompt.text}")
    seeded_faults.exchange_roles(tmp_path, rows)
    assert image_file(tmp_path, "after", rows[3]).read_text() == "after dest 3"
    assert image_file(tmp_path, "after", rows[13]).read_text() == "after source 3"
    seeded_faults.exchange_sides(tmp_path, rows)
    assert image_file(tmp_path, "before", rows[3]).read_text() == "after dest 3"
    seeded_faults.remove_tenth(tmp_path, rows)
    assert len(list((tmp_path / "after").iterdir())) == 18


def test_a_run_that_does_not_say_what_it_should_is_a_problem():
    fault = Fault("any", lambda shop: None, r"^failed", code=1, rank=False)
    assert list(fault.problems(Said(1, "…\n  failed: it broke\n", None))) == []
    found = list(fault.problems(Said(0, "Traceback (most recent call last)", None)))
    assert found == ["exit code 0, must be 1", "no line says '^failed'", "it prints a traceback"]


def test_every_fault_has_a_name_of_its_own():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) == 11


def test_the_page_holds_what_each_broken_run_must_say():
    rows = [[each.strip() for each in line.strip("|").split(" | ")] for line in table_lines(PAGE.read_text("utf-8"))]
    assert [row[0] for row in rows] == [fault.name for fault in FAULTS]
    for (name, code, says, rank), fault in zip(rows, FAULTS, strict=True):
        assert int(code) == fault.code, name
        assert re.search(fault.says, says), name
        assert rank.startswith("yes" if fault.rank else "no: "), name


def test_a_table_is_written_in_place_of_the_last():
    page = "\n".join(["before", *HEAD, "| a |", "| b |", "", "after"])
    assert table_lines(page) == ["| a |", "| b |"]
    assert with_table(page, ["| c |"]) == "\n".join(["before", *HEAD, "| c |", "", "after"])


def test_a_row_has_the_rank_that_a_leaderboard_gives_it_whatever_its_limit():
    whole = read_result(next((RESULTS / "uce").glob("0010-*.json")))
    assert seeded_faults.why_no_rank(whole) == ""
    assert seeded_faults.why_no_rank(whole.model_copy(update={"status": "partial"})) == ""
    counts = DegenerateCounts(images=30, images_before=30, after=30, before=0, kinds={"noise": 30})
    noisy = DegenerateRecord(measure=MeasureRef(id="degenerate@1", revision="1"), roles={"source": counts})
    assert seeded_faults.why_no_rank(whole.model_copy(update={"degenerate": noisy})) == "degenerate images"
    assert seeded_faults.why_no_rank(whole.model_copy(update={"scores": ()})) == "no metric has a value"
    few = tuple(each.model_copy(update={"failed": 1, "n": 20}) for each in whole.scores)
    assert seeded_faults.why_no_rank(whole.model_copy(update={"scores": few})) == "failed images"
    assert seeded_faults.why_no_rank(None) == "the run failed"

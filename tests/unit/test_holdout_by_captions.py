"""docs/corpus.md: holdout classes grouped by how often the embedded captions name them."""

from dataclasses import replace
from pathlib import Path

import pytest

from iceb.datasets import load_card, open_dataset
from iceb.leaderboard.filed_result import FiledResult
from iceb.mini.captions import mention_counts
from iceb.mini.unseen import unseen_classes
from iceb.runs.table import TableRow
from iceb.specs.reduction import ConceptValue
from tools.holdout_by_captions import DATASET, GROUPS, columns, group_deltas, holdout_concepts, main, page_text

LOST = {"never": 0.5, "1 to 2": 0.25, "3 to 10": 0.125, "11 to 50": 0.0625, "more than 50": 0.0}


@pytest.fixture
def result_with_table(make_result):
    """A result at ten edits whose holdout is lost by how often a class is named."""
    made = make_result("emcid", 10, {"edit_score": 0.25, "holdout_delta": -0.1})
    other = tuple(row for row in made.rows if row.metric != "holdout_delta")
    made = made.with_rows((*other, *(holdout_row(*each) for each in holdout_concepts().items())))
    task = made.result.task.model_copy(update={"dataset_version": load_card(DATASET).version})
    return FiledResult(Path("x.json"), made.result.model_copy(update={"task": task}), "", b"", made.rows)


def holdout_row(concept, count):
    heading = next(group.heading for group in GROUPS if count in group)
    return TableRow("", "holdout_delta", ConceptValue(concept, "holdout", 0.75, 0.75 - LOST[heading], 3))


def test_every_holdout_class_is_in_one_group_and_the_unseen_ones_are_never_named():
    found = holdout_concepts()
    assert len(found) == 366
    assert all(sum(count in group for group in GROUPS) == 1 for count in range(max(mention_counts()) + 1))
    assert {concept for concept, count in found.items() if count in GROUPS[0]} == {
        f"class {label}" for label in unseen_classes()
    }


def test_a_groups_number_is_the_mean_change_of_its_classes(result_with_table):
    found = dict(zip(columns(), group_deltas(result_with_table, columns().values()), strict=True))
    for heading, lost in LOST.items():
        assert found[heading] == f"{-lost + 0.0:+.3f} ± 0.000"


def test_seen_classes_are_parted_by_whether_a_request_has_them_as_destination():
    found = columns()
    dests, others = found["seen, a destination"], found["seen, no destination"]
    assert (len(dests), len(others)) == (215, 29)
    assert dests | others | found["never"] == set(holdout_concepts())
    assert not dests & others


def test_the_page_has_a_table_for_each_number_of_edits_that_some_row_has(result_with_table):
    text = page_text([result_with_table])
    assert text.count("\n## ") == 1
    assert "## 10 edits" in text
    assert "| emcid | -0.500 ± 0.000 | -0.250 ± 0.000 | -0.125 ± 0.000 |" in text


def test_results_on_earlier_data_are_left_out(result_with_table):
    earlier = result_with_table.result.task.model_copy(update={"dataset_version": 1})
    old = replace(result_with_table, result=result_with_table.result.model_copy(update={"task": earlier}))
    assert page_text([old]) == page_text([])
    assert "No result on version" in page_text([])


def test_check_fails_where_the_page_is_another(result_with_table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tools.holdout_by_captions.PAGE", tmp_path / "corpus.md")
    monkeypatch.setattr("tools.holdout_by_captions.committed_files", lambda: [result_with_table])
    assert main(["--check"]) == 1
    assert "run `python tools/holdout_by_captions.py --write`" in capsys.readouterr().out
    assert main(["--write"]) == main(["--check"]) == 0


def test_every_destination_is_a_seen_class_and_the_pages_say_so():
    dataset = open_dataset("aice", "embedded")
    dests = {request.dest_label for request in dataset.requests}
    tags = {tag: {p.label for p in dataset.shared_prompts(300) if tag in p.tags} for tag in ("seen", "unseen")}
    assert (len(dests), len(tags["seen"]), len(tags["unseen"])) == (215, 244, 122)
    assert dests <= tags["seen"]
    root = Path(__file__).parents[2]
    corpus, readme, board = (
        " ".join((root / name).read_text(encoding="utf-8").split())
        for name in ("docs/corpus.md", "README.md", "leaderboards/aice.md")
    )
    assert "All 215 destinations are among the seen classes, 215 of 244, and none among the 122 unseen ones" in corpus
    assert "all 215 destinations are among the first, so the two differ in that too" in readme
    assert "Every destination of a request is among the seen classes and none among the unseen ones" in board

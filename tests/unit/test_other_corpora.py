"""What captions decide: the record of the two other corpora, and the sentence made of it."""

import pytest

from iceb.base.errors import IcebError
from tools import other_corpora
from tools.other_corpora import BEGIN, END, METRICS, entry_of, sentence, with_sentence
from tools.recorded_runs import read_record, write_entry


def scores(value: float) -> dict:
    return {name: {"value": value, "stderr": 0.02} for name in METRICS}


def test_the_committed_sentence_is_what_record_and_row_say():
    assert other_corpora.main(["--check"]) == 0, "run `python tools/other_corpora.py --write` and commit the page"


def test_without_both_runs_there_is_no_sentence():
    with pytest.raises(IcebError, match="lacks the run with captions that name none: make it with"):
        sentence({"all": {"scores": scores(-0.3)}}, scores(-0.4))


def test_with_both_runs_every_number_is_recorded():
    said = sentence({"all": {"scores": scores(-0.3)}, "none": {"scores": scores(-0.5)}}, scores(-0.4))
    assert "loses, at 300 edits, 0.300 ± 0.020 of the holdout with captions that name every class" in said
    assert "source2dest is -0.300 ± 0.020, -0.400 ± 0.020 and -0.500 ± 0.020" in said


def test_a_gain_of_the_holdout_does_not_read_as_a_loss():
    said = sentence({"all": {"scores": scores(0.01)}, "none": {"scores": scores(-0.5)}}, scores(-0.4))
    assert "loses, at 300 edits, -0.010 ± 0.020 of the holdout" in said


def test_the_sentence_replaces_the_one_that_stands_there():
    text = f"before\n  {BEGIN}\n  old\n  {END}\nafter\n"
    assert with_sentence(text, "new") == f"before\n  {BEGIN}\n  new\n  {END}\nafter\n"
    with pytest.raises(ValueError, match="needs"):
        with_sentence("nothing", "new")


def test_a_run_is_recorded_with_its_command_and_commit(make_result):
    result = make_result("emcid", 300, {"holdout_delta": -0.2}).result
    entry = entry_of("none", result, "ab" * 32)
    assert entry["command"].endswith("--num-edits 300 --recipe tuned --set captions=none.txt")
    assert entry["captions"]["sha256"] == "ab" * 32
    assert entry["scores"]["holdout_delta"]["value"] == result.score("holdout_delta").value
    assert entry["scores"]["holdout_unseen"] == {"value": None, "stderr": None}


def test_the_record_is_empty_where_nothing_was_measured(tmp_path):
    assert read_record(tmp_path / "none.json") == {}


def test_an_entry_that_is_written_leaves_the_others(tmp_path):
    record = tmp_path / "record.json"
    for name, value in (("all", 1), ("none", 2), ("all", 3)):
        write_entry(record, name, {"scores": value})
    assert read_record(record) == {"all": {"scores": 3}, "none": {"scores": 2}}

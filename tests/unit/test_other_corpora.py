"""What captions decide: the record of the two other corpora, and the sentence made of it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import other_corpora
from tools.other_corpora import (
    BEGIN,
    END,
    METRICS,
    decided_by,
    entry_of,
    measure,
    plan_run,
    read_record,
    sentence,
    with_sentence,
)


def scores(value: float) -> dict:
    return {name: {"value": value, "stderr": 0.02} for name in METRICS}


def test_the_committed_sentence_is_what_record_and_row_say():
    assert other_corpora.main(["--check"]) == 0, "run `python tools/other_corpora.py --write` and commit the page"


def test_without_both_runs_the_sentence_says_what_the_old_numbers_stand_on():
    said = sentence({"all": {"scores": scores(-0.3)}}, scores(-0.4))
    assert "changes the holdout, at 300 edits, by −0.400 ± 0.020 with the natural captions" in said
    assert "two runs whose results are not kept" in said


def test_with_both_runs_every_number_is_recorded():
    said = sentence({"all": {"scores": scores(-0.3)}, "none": {"scores": scores(-0.5)}}, scores(-0.4))
    assert "changes the holdout, at 300 edits, by −0.300 ± 0.020 with captions that name every class" in said
    assert "source2dest is −0.300 ± 0.020, −0.400 ± 0.020 and −0.500 ± 0.020" in said
    assert "not kept" not in said


def test_a_gain_does_not_read_as_a_loss():
    said = sentence({"all": {"scores": scores(0.3)}, "none": {"scores": scores(-0.5)}}, scores(-0.4))
    assert "by +0.300 ± 0.020 with captions that name every class" in said
    assert "(the unseen third by +0.300 ± 0.020, −0.400 ± 0.020 and −0.500 ± 0.020)" in said
    assert "source2dest is 0.300 ± 0.020" in said


def test_the_sentence_replaces_the_one_that_stands_there():
    text = f"before\n  {BEGIN}\n  old\n  {END}\nafter\n"
    assert with_sentence(text, "new") == f"before\n  {BEGIN}\n  new\n  {END}\nafter\n"
    with pytest.raises(ValueError, match="needs"):
        with_sentence("nothing", "new")


def test_a_run_is_recorded_with_its_command_and_commit(make_result):
    result = make_result("emcid", 300, {"holdout_delta": -0.2}).result
    entry = entry_of("none", result, "ab" * 32, {"spec": "cd"})
    assert entry["command"].endswith("--num-edits 300 --recipe tuned --set captions=none.txt")
    assert entry["captions"]["sha256"] == "ab" * 32
    assert entry["decided_by"] == {"spec": "cd"}
    assert entry["scores"]["holdout_delta"]["value"] == result.score("holdout_delta").value
    assert entry["scores"]["holdout_unseen"] == {"value": None, "stderr": None}


def test_the_record_is_empty_where_nothing_was_measured(tmp_path):
    assert read_record(tmp_path / "none.json") == {}


@pytest.fixture
def runs(tmp_path, monkeypatch, make_result) -> Callable[..., list[str]]:
    """The function that measures with a made-up run, and returns the kinds that were run."""
    made: list[str] = []
    result = make_result("emcid", 300, {"holdout_delta": -0.2}).result

    def make_run(file: Path, run_id: str, cache: Path):
        made.append(file.stem)
        return result

    monkeypatch.setattr(other_corpora, "make_run", make_run)
    monkeypatch.setattr(other_corpora, "plan_run", lambda file: SimpleNamespace(spec=SimpleNamespace(id=file.stem)))

    def measure_with(**decided: str) -> list[str]:
        made.clear()
        monkeypatch.setattr(other_corpora, "decided_by", lambda planned: {"spec": planned.spec.id, **decided})
        measure(tmp_path, ("all", "none"), tmp_path / "record.json")
        return list(made)

    return measure_with


def test_a_recorded_run_is_made_again_only_where_what_decides_it_is_another(runs, tmp_path):
    assert runs(model="a") == ["all", "none"]
    assert runs(model="a") == []
    assert runs(model="b") == ["all", "none"]
    record = json.loads((tmp_path / "record.json").read_text())
    record["none"]["commit"] = "another"
    record["all"]["decided_by"]["spec"] = "of other captions"
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert runs(model="b") == ["all"]


def test_other_captions_decide_another_run_and_their_place_does_not(tmp_path):
    texts = {"a/all.txt": "a photo of a dog\n", "b/all.txt": "a photo of a dog\n", "c/all.txt": "a photo of a cat\n"}
    decided = []
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
        decided.append(decided_by(plan_run(tmp_path / name)))
    first, elsewhere, other = decided
    assert first == elsewhere
    assert {name for name in first if first[name] != other[name]} == {"spec"}
    assert set(first) == {"spec", "model", "environment", "measures", "metrics", "reduction"}

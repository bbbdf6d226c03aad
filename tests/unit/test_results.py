"""The result file: byte-stable, strict, and described by a committed JSON schema."""

import json
from pathlib import Path

import pytest

from iceb.base.errors import ResultError
from iceb.specs import results
from iceb.specs.metrics import Score
from iceb.specs.results import Result, json_schema

GOLDEN = Path(__file__).parents[1] / "golden" / "result.json"


def test_a_result_round_trips_byte_for_byte(result):
    text = result(scores={"edit_score": 0.1, "alias2dest": None}).to_json()
    assert Result.from_json(text).to_json() == text


def test_the_golden_result_is_still_read_and_written_byte_for_byte():
    text = GOLDEN.read_text(encoding="utf-8")
    assert Result.from_json(text).to_json() == text


def test_the_golden_result_is_what_the_factory_makes(result):
    made = result(params={"layers": (7, 8), "rate": 0.2}, scores={"edit_score": 0.25, "alias2dest": None})
    assert made.to_json() == GOLDEN.read_text(encoding="utf-8")


def test_the_committed_schema_is_the_classes_schema():
    path = Path(results.__file__).with_name("result.schema.json")
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert path.read_text(encoding="utf-8") == text, "run `iceb show schema > iceb/specs/result.schema.json`"


def test_results_from_before_a_field_was_there_keep_their_bytes_and_newer_ones_keep_the_field(result):
    assert "changed" not in json.loads(result().to_json())["method"]
    newer = result(params={"rate": 0.5}, changed={"rate": 0.5}, reaches_dest=False)
    assert Result.from_json(newer.to_json()) == newer
    written = json.loads(newer.to_json())["method"]
    assert (written["changed"], written["reaches_dest"]) == ({"rate": 0.5}, False)
    assert newer.method.label == "emcid (rate=0.5)"
    assert json.loads(result(changed={}).to_json())["method"]["changed"] == {}


def test_missing_scores_are_null_in_the_file(result):
    document = json.loads(result(scores={"alias2dest": None}).to_json())
    assert document["schema"] == 1
    assert document["scores"][0]["value"] is None
    assert document["scores"][0]["note"]


def edited(result, change) -> str:
    document = json.loads(result().to_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(schema=2), "schema 2 is unknown"),
        (lambda d: d.pop("schema"), "schema None is unknown"),
        (lambda d: d.update(extra=1), "extra: Extra inputs"),
        (lambda d: d.pop("cost"), "cost: Field required"),
        (lambda d: d.update(num_edits=0), "num_edits"),
        (lambda d: d["scores"][0].update(value="high"), "scores.0.value"),
        (lambda d: d["scores"][0].update(value=float("nan")), "NaN"),
        (lambda d: d.update(error="broke"), "failed results, and only they"),
        (lambda d: d.update(limit=3), "a limited run is partial"),
        (lambda d: d["scores"].append(d["scores"][0]), "each may stand once"),
        (lambda d: d["sampling"].update(steps=0), "must be at least 1"),
    ],
)
def test_a_damaged_result_is_refused_with_the_field(result, change, word):
    with pytest.raises(ResultError) as caught:
        Result.from_json(edited(result, change), "some.json")
    assert word in str(caught.value)
    assert str(caught.value).startswith("some.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_result_at_all_is_refused(text):
    with pytest.raises(ResultError):
        Result.from_json(text)


def test_a_score_record_keeps_everything_of_the_score():
    class Metric:
        name, version, unit, higher_is_better = "m", 3, "probability", False
        paper, measure, roles = "", "imagenet_classifier", frozenset({"source"})

        def __call__(self, before, after):
            raise NotImplementedError

    score = Score(0.5, 0.1, 10, 2, note="n", before=0.75, after=0.25)
    record = results.ScoreRecord.of(Metric(), "vit@1", score)
    assert record.model_dump() == {
        "metric": "m",
        "version": 3,
        "measure": "vit@1",
        "unit": "probability",
        "higher_is_better": False,
        "value": 0.5,
        "stderr": 0.1,
        "n": 10,
        "concepts": 2,
        "before": 0.75,
        "after": 0.25,
        "note": "n",
    }

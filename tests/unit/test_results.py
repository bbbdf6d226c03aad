"""The result file: byte-stable, strict, and described by a committed JSON schema."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb import registry
from iceb.base.errors import ResultError
from iceb.leaderboard.filed_result import read_filed
from iceb.specs import results
from iceb.specs.records import ScoreRecord
from iceb.specs.reduction import Score
from iceb.specs.results import Result, json_schema
from iceb.specs.runs import MeasureRef, Sampling

FIXTURE = Path(__file__).parents[1] / "fixtures" / "result.json"
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
OF_PROVENANCE = {"python", "packages", "command", "commit", "device", "threads", "started", "finished"}  # as one entry
OF_COST = {"draw_seconds", "measure_seconds", "total_seconds", "edit_bytes", "peak_bytes", "peak_gpu_bytes"}
OF_COST |= {"images_drawn", "images_reused"}
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=5)
VALUES = VALUES | TEXT  # what a setting may be


def test_a_result_round_trips_byte_for_byte(result):
    text = result(scores={"edit_score": 0.1, "alias2dest": None}).to_json()
    assert Result.from_json(text).to_json() == text


def test_the_fixture_result_is_still_read_and_written_byte_for_byte():
    text = FIXTURE.read_text(encoding="utf-8")
    assert Result.from_json(text).to_json() == text


def test_the_fixture_result_is_what_the_factory_makes(result):
    """But for the table's digest: parquet names the library that wrote it."""
    made = result(params={"layers": (7, 8), "rate": 0.2}, scores={"edit_score": 0.25, "alias2dest": None})
    fixture = Result.from_json(FIXTURE.read_text(encoding="utf-8"))
    assert made.model_copy(update={"per_concept": fixture.per_concept}) == fixture
    assert made.per_concept.rows == fixture.per_concept.rows


def test_the_fixture_table_makes_the_fixture_scores():
    assert read_filed(FIXTURE).result.score("edit_score").value == pytest.approx(0.25, abs=1e-15)


def test_the_committed_schema_is_the_classes_schema():
    path = Path(results.__file__).with_name("result.schema.json")
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert path.read_text(encoding="utf-8") == text, "run `iceb show schema > iceb/specs/result.schema.json`"


def test_missing_scores_are_null_in_the_file(result):
    document = json.loads(result(scores={"alias2dest": None}).to_json())
    assert document["schema"] == 2
    assert document["scores"][0]["value"] is None
    assert document["scores"][0]["note"]


def test_a_result_names_the_run_that_made_it(result):
    found = result(params={"layers": (7, 8), "rate": 1.0, "on": True, "file": None})
    assert Result.from_json(found.to_json()).spec.id == found.id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(params=st.dictionaries(TEXT, VALUES | st.lists(VALUES, max_size=3).map(tuple)))
def test_the_id_follows_from_the_file_whatever_the_settings_are(result, params):
    found = result(params=params)
    assert Result.from_json(found.to_json()).spec.id == found.id


def test_unknown_newer_fields_are_passed_over_at_every_depth(result):
    document = json.loads(result().to_json())
    for part in (document, document["method"], document["scores"][0], document["scores"][0]["reduction"]):
        part["brand_new"] = {"a": 1}
    assert Result.from_json(json.dumps(document)) == result()


def edit_document(result, change) -> str:
    document = json.loads(result().to_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(schema=3), "schema 3 is newer: this version of iceb reads schema 2; install a newer one"),
        (lambda d: d.update(schema=1), "schema 1 is unknown: this version of iceb reads schema 2; run it again"),
        (lambda d: d.pop("schema"), "schema None is unknown"),
        (lambda d: d.pop("cost"), "cost: Field required"),
        (lambda d: d.update(num_edits=0), "num_edits"),
        (lambda d: d["scores"][0].update(value="high"), "scores.0.value"),
        (lambda d: d["scores"][0].update(value=float("nan")), "NaN"),
        (lambda d: d.update(error="broke"), "failed results, and only they"),
        (lambda d: d.update(limit=3), "a limited run is partial"),
        (lambda d: d["scores"].append(d["scores"][0]), "each may stand once"),
        (lambda d: d["sampling"].update(steps=0), "must be a whole number from 1"),
    ],
)
def test_a_damaged_result_is_refused_with_the_field(result, change, word):
    with pytest.raises(ResultError) as caught:
        Result.from_json(edit_document(result, change), "some.json")
    assert word in str(caught.value)
    assert str(caught.value).startswith("some.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_files_that_are_no_results_are_refused(text):
    with pytest.raises(ResultError):
        Result.from_json(text)


def test_a_score_record_keeps_everything_of_the_score():
    metric = registry.load("metrics", "dest_forget")
    score = Score(0.5, 0.1, 10, 2, note="n", before=0.75, after=0.25, low=0.3, high=0.7)
    used = {"imagenet_classifier": MeasureRef(id="vit@1", revision="r")}
    record = ScoreRecord.of(metric, "iceb", used, score)
    assert {name: getattr(record, name) for name in dataclasses.asdict(score)} == dataclasses.asdict(score)
    assert (record.metric, record.version, record.package) == ("dest_forget", metric.version, "iceb")
    assert (record.unit, record.higher_is_better, record.measures) == ("probability", False, used)
    assert record.reduction.reduction == metric.reduction


def test_the_page_about_results_names_every_field():
    fields = {name for part in [json_schema(), *json_schema()["$defs"].values()] for name in part["properties"]}
    sampling = {field.name for field in dataclasses.fields(Sampling)}
    missing = {name for name in fields - sampling if not re.search(rf"`(\w+\.|\.)?{name}[`.]", PAGE)}
    assert missing - OF_PROVENANCE - OF_COST == set()


def test_the_page_computes_a_score_of_the_table_as_its_reader_would(make_result, tmp_path, monkeypatch):
    one = make_result(scores={"source2dest": 0.4, "holdout_delta": -0.1}, concepts=12)
    one.save(tmp_path / "result.json")
    monkeypatch.chdir(tmp_path)
    *first, last = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1].strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(first), names)
    assert eval(last, names) == pytest.approx(one.result.score("source2dest").value, abs=1e-12)

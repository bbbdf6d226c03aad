"""Records of Every Eval Ever: of the described form, at the place it asks for, in folders that are an export's own."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from iceb.base.errors import ResultError, SpecError
from iceb.export.eee_schema import check_record
from iceb.export.forms import export
from iceb.report.site.read_runs import read_runs


def records_of(folder: Path) -> dict[str, Any]:
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
        for path in sorted((folder / "data").rglob("*.json"))
    }


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_records_have_the_form_and_the_results_numbers(eee, results):
    records = records_of(eee)
    runs = {run.result.id: run.result for run in read_runs([results])[0]}
    assert len(records) == len(runs)
    for path, document in records.items():
        check_record(document, path)
        result = runs["/".join(document["evaluation_id"].split("/")[1:-1])]
        scores = {score.metric: score for score in result.scores if score.value is not None}
        found = {each["metric_config"]["metric_name"]: each for each in document["evaluation_results"]}
        assert set(found) == set(scores)
        for metric, each in found.items():
            score, details = scores[metric], each["score_details"]
            assert details["score"] == score.value
            if score.interval is None:  # the unedited model's, of which no concept differs from another
                assert "uncertainty" not in details
            else:
                said = details["uncertainty"]
                assert said["standard_error"]["value"] == score.stderr
                interval = said["confidence_interval"]
                ends = (score.interval.low, score.interval.high)
                assert (interval["lower"], interval["upper"], interval["confidence_level"]) == (*ends, 0.95)
                assert said["num_samples"] == score.concepts
            assert each["metric_config"]["lower_is_better"] is not score.higher_is_better
            assert (each["metric_config"]["min_score"], each["metric_config"]["max_score"]) == (-1.0, 1.0)
            assert each["generation_config"]["generation_args"]["execution_command"] == result.provenance.command
        assert document["source_metadata"]["source_organization_name"] == "Some Lab"
        assert document["model_info"]["additional_details"]["edited_by"] == result.method.name


def test_a_metric_without_an_upper_bound_says_so_in_json(make_result, tmp_path):
    make_result("uce", 10, {"artist_lpips_erased": 0.2}, concepts=12).save(tmp_path / "results" / "uce.json")
    export([tmp_path / "results"], "eee", tmp_path / "eee")
    ((path, document),) = records_of(tmp_path / "eee").items()
    check_record(document, path)
    metric = document["evaluation_results"][0]["metric_config"]
    assert (metric["min_score"], metric["max_score"]) == (0.0, "Infinity")


def with_change(document: Any, path: str, value: Any) -> Any:
    """A copy with another value at a path of keys, or without it."""
    made = copy.deepcopy(document)
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place = made
    for key in way:
        place = place[key]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return made


METRIC, SCORE = "evaluation_results.0.metric_config", "evaluation_results.0.score_details"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", "0.2.2"),
        ("eval_library", KeyError),
        ("extra", 1),
        ("evaluation_results", []),
        ("source_metadata.source_type", "run"),
        ("model_info.id", "flat"),
        ("model_info.additional_details.deployment_type", KeyError),
        ("model_info.additional_details.num_edits", 10),
        (f"{METRIC}.max_score", KeyError),
        (f"{METRIC}.max_score", None),
        (f"{METRIC}.max_score", -1.0),
        (f"{METRIC}.additional_details.version", 1),
        (f"{SCORE}.score", None),
        (f"{SCORE}.score", 73.4),
        (f"{SCORE}.uncertainty.num_samples", 24.5),
        (f"{SCORE}.uncertainty.confidence_interval.confidence_level", 95.0),
        ("evaluation_results.0.source_data.source_type", "url"),
        ("retrieved_timestamp", "2026-01-01"),
    ],
)
def test_a_record_that_the_schema_refuses_is_refused(eee, path, value):
    (where, document), *_ = records_of(eee).items()
    with pytest.raises(SpecError):
        check_record(with_change(document, path, value), where)


@pytest.mark.parametrize(
    "path",
    [
        "data/iceb/iceb/mini/1.json",
        "iceb/iceb/mini/52cefa88-46c0-49d4-a841-500e464e1af7.json",
        "data/iceb/mini/52cefa88-46c0-49d4-a841-500e464e1af7.json",
        "data/iceb/iceb/other/52cefa88-46c0-49d4-a841-500e464e1af7.json",
        "data/iceb/data/mini/52cefa88-46c0-49d4-a841-500e464e1af7.json",
        "data/iceb/iceb/mini/52cefa88-46c0-39d4-a841-500e464e1af7.json",
    ],
)
def test_a_record_at_another_place_than_the_datastore_asks_for_is_refused(eee, path):
    (_, document), *_ = records_of(eee).items()
    with pytest.raises(SpecError):
        check_record(document, path)


def test_the_schemas_own_package_reads_the_records(eee):
    """Skipped where the package is missing, which needs another huggingface_hub than ICEB has."""
    types = pytest.importorskip("every_eval_ever.eval_types")
    for document in records_of(eee).values():
        types.EvaluationLog.model_validate(document)


# --- folders


def test_a_second_export_replaces_the_first_under_the_same_names(eee, results):
    names = set(records_of(eee))
    (results / "esd.json").unlink()
    (results / "esd.parquet").unlink()
    export([results], "eee", eee)
    assert len(names) == 5
    assert set(records_of(eee)) < names
    assert len(records_of(eee)) == 4


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mine.txt", "", "holds files that are no export"),
        ("export.json", '{"form": "hf", "files": []}', "holds an export of another form"),
        ("export.json", "[", "export.json"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused(results, tmp_path, name, text, words):
    (tmp_path / "eee").mkdir()
    (tmp_path / "eee" / name).write_text(text)
    with pytest.raises(ResultError, match=re.escape(words)):
        export([results], "eee", tmp_path / "eee")
    assert [path.name for path in (tmp_path / "eee").iterdir()] == [name]


def test_a_manifest_removes_nothing_outside_its_folder(results, tmp_path):
    (tmp_path / "eee").mkdir()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "eee" / "export.json").write_text('{"form": "eee", "files": ["../precious", 7]}')
    export([results], "eee", tmp_path / "eee")
    assert (tmp_path / "precious").read_text() == "kept"

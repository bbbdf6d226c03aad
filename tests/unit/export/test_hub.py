"""Values for the Hugging Face Hub: in the form that it describes, and as its own library reads them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from iceb.base.errors import SpecError
from iceb.export.asking import ExportAsk
from iceb.export.forms import export
from iceb.export.hub_schema import check_benchmark, check_entries
from iceb.report.site.read_runs import read_runs


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    return found


def test_entries_come_back_from_yaml_as_the_hubs_library_reads_them(hub, results):
    benchmark = check_benchmark(yaml.safe_load((hub / "eval.yaml").read_text(encoding="utf-8")))
    for run in read_runs([results])[0]:
        path = hub / run.result.id / ".eval_results" / "iceb.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        check_entries(document, benchmark)
        entries = parse_eval_result_entries(document)
        valued = {f"aice-10-{score.metric}": score for score in run.result.scores if score.value is not None}
        assert {entry.task_id: entry.value for entry in entries} == {key: each.value for key, each in valued.items()}
        for entry in entries:
            assert (entry.dataset_id, entry.date) == ("somebody/iceb", run.result.provenance.finished)
            assert (entry.source_url, entry.source_name) == ("https://example.org/iceb", "ICEB")
            assert "higher is better" in entry.notes
            assert run.result.provenance.command in entry.notes


def test_the_benchmarks_tasks_name_configuration_and_split_of_the_dataset(hub):
    tasks = yaml.safe_load((hub / "eval.yaml").read_text(encoding="utf-8"))["tasks"]
    assert {"id": "aice-10-edit_score", "config": "aice_embedded", "split": "prompts"} in tasks
    assert len(tasks) == 3


@pytest.mark.parametrize("folder", ["hub", "eee"])
def test_a_score_without_a_value_is_left_out_with_its_reason(folder, request):
    found = {(each["run"].split("/")[1], each["metric"]): each["reason"] for each in left_out(folder, request)}
    assert found == {("esd", "edit_score"): "erases", ("esd", "source2dest"): "erases"}


def left_out(folder: str, request: pytest.FixtureRequest) -> list[dict[str, str]]:
    found: list[dict[str, str]] = manifest_of(request.getfixturevalue(folder))["left_out"]
    return found


@pytest.mark.parametrize("name", ["", "iceb", "a/b/c", "https://huggingface.co/datasets/a/b"])
def test_values_without_a_dataset_on_the_hub_are_refused(results, tmp_path, name):
    with pytest.raises(SpecError, match="`hub_dataset`"):
        export([results], "hf", tmp_path / "hub", ExportAsk(hub_dataset=name))
    assert not (tmp_path / "hub").exists()


GOOD_ENTRY = {"dataset": {"id": "a/b", "task_id": "t"}, "value": 0.5}
BENCHMARK = {
    "name": "n",
    "description": "d",
    "evaluation_framework": "iceb",
    "tasks": [{"id": "t", "config": "c", "split": "s"}],
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"value": "0.5"},
        {"value": float("nan")},
        {"date": "yesterday"},
        {"source": {"name": "no address"}},
        {"metric": "unknown field"},
        {"dataset": {"id": "a/b"}},
        {"dataset": {"id": "a", "task_id": "t"}},
        {"dataset": {"id": "a/b", "task_id": "another"}},
    ],
)
def test_an_entry_that_the_hub_does_not_describe_is_refused(wrong):
    benchmark = check_benchmark(BENCHMARK)
    check_entries([GOOD_ENTRY], benchmark)
    with pytest.raises(SpecError):
        check_entries([GOOD_ENTRY | wrong], benchmark)


@pytest.mark.parametrize("wrong", [{"tasks": []}, {"tasks": BENCHMARK["tasks"] * 2}, {"metrics": []}, {"name": ""}])
def test_a_benchmark_that_the_hub_does_not_describe_is_refused(wrong):
    with pytest.raises(SpecError):
        check_benchmark(BENCHMARK | wrong)

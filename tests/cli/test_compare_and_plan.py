"""`iceb compare` and `iceb plan` on the committed results of controls."""

import json

import pytest

from iceb.cli.main import run


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def output_of(capsys, *arguments) -> str:
    assert run(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_two_rows_are_compared_metric_by_metric_with_the_concepts_that_differ_most(capsys):
    text = output_of(capsys, "compare", "unedited", "prompt_swap", "--num-edits", "300")
    (line,) = [line for line in text.splitlines() if line.startswith("source2dest ↑")]
    assert "<0.0001" in line
    assert "edit_score: the 10 concepts that differ most" in text
    assert " → " in text  # a concept is named by what it is turned into


def test_the_json_holds_every_metric_with_values_tests_and_clusters(capsys):
    found = json.loads(output_of(capsys, "compare", "unedited", "prompt_swap", "--num-edits", "300", "--json"))
    by_name = {each["metric"]: each for each in found["metrics"]}
    assert found["first"]["method"] == "unedited"
    reached = by_name["source2dest"]
    assert reached["clusters"] == 215  # 300 requests share so many destinations
    assert reached["difference"]["low"] < reached["second"] - reached["first"] < reached["difference"]["high"]
    assert reached["p"] <= reached["p_holm"]
    assert len(reached["concepts"]) == 10
    kept = by_name["holdout_delta"]  # neither changes a weight
    assert abs(kept["difference"]["value"]) < 0.01


def test_a_file_and_a_row_may_be_mixed_and_results_of_other_counts_are_refused(capsys):
    assert run(["compare", "leaderboards/results/aice/unedited/0300-0f5db94f.json", "prompt_swap", "--num-edits", "50"])
    assert "different numbers of edits (300 and 50)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "unedted", "prompt_swap"], "did you mean unedited?"),
        (["compare", "uce", "prompt_swap", "--num-edits", "300"], "names several rows at 300 edits: choose one of"),
        (["compare", "unedited", "prompt_swap", "--num-edits", "7"], "has no result at 7 edits: it has"),
        (["compare", "unedited", "prompt_swap", "--metric", "source"], "unknown metric of both results"),
        (["plan", "--detect", "0"], "--detect 0: must be a finite difference other than 0"),
        (["plan", "--power", "1"], "--power 1: must be between 0 and 1"),
        (["plan", "--power", "0.01"], "must be above --alpha 0.05"),
        (["plan", "--num-edits", "7"], "fewer than two results of task aice at 7 edits"),
        (["plan", "--method", "nobody"], "no two results with nobody among them have edit_score with an error"),
    ],
)
def test_what_is_asked_wrongly_is_told_in_one_line(capsys, arguments, words):
    assert run(arguments) != 0
    assert words in capsys.readouterr().err


def test_a_plan_says_how_many_concepts_and_seeds_see_a_difference(capsys):
    text = output_of(capsys, "plan", "--detect", "0.05", "--metric", "source2dest", "--num-edits", "300")
    assert "To see a difference of 0.05 in source2dest (aice) with probability 0.8" in text
    assert "hardest pair" in text


def test_a_smaller_difference_needs_more_concepts(capsys):
    def plans(difference):
        arguments = ["plan", "--detect", str(difference), "--metric", "source2dest", "--num-edits", "300", "--json"]
        return {(each["first"], each["second"]): each for each in json.loads(output_of(capsys, *arguments))}

    coarse, fine = plans(0.1), plans(0.05)
    for pair, plan in coarse.items():
        assert plan["concepts_needed"] <= fine[pair]["concepts_needed"]
        if plan["pilot"]["detects"] > 0.1:
            assert plan["concepts_needed"] > plan["pilot"]["concepts"]

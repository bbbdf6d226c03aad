"""The tasks' pages say what declaration, cards and metrics say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from iceb import registry
from iceb.datasets.cards import load_card
from iceb.report.metric_pages import metric_facts
from iceb.report.task_pages import TaskFacts, page, task_pages
from iceb.statistics.estimates import FEWEST
from iceb.tasks.aice import AICE
from tools.committed import committed_results

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages that the committed results make."""
    return task_pages(committed_results())


def facts(**changes: object) -> TaskFacts:
    """AICE with one metric, and with other fields."""
    task = replace(AICE, metrics=("edit_score",), optional_metrics=(), axes=None)
    found = TaskFacts(task, "One.\n\nTwo.", (load_card("aice"),), (metric_facts("edit_score"),), (), (), ())
    return replace(found, **changes)


def test_every_task_of_ours_has_a_page_and_the_index_links_to_it(pages):
    ours = {entry.name for entry in registry.entries_of("tasks") if entry.package == "iceb"}
    assert set(pages) == {"README.md"} | {f"{name}.md" for name in ours}
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", pages["README.md"])) == ours


def test_a_page_holds_every_metric_role_and_count_of_its_task(pages):
    text = pages["aice.md"]
    for name in (*AICE.metrics, *AICE.optional_metrics):
        assert f"[{name}](../metrics/{name}.md)" in text
    assert f"- prompts are drawn for: {', '.join(AICE.roles)}" in text
    for name, count in load_card("aice").counts.items():
        assert f"- {name.replace('_', ' ')}: {count}" in text
    for deviation in load_card("aice_embedded").deviations:
        assert deviation.replace("_", "\\_") in text


def test_a_number_of_edits_that_one_source_alone_has_is_said_so(pages):
    said = "- columns, by the number of edits: "
    assert f"{said}9, 11 (of ablation_embedded alone); ranked from ten clusters" in pages["ablation.md"]
    assert sum("alone)" in text.split(said)[-1].splitlines()[0] for text in pages.values()) == 1


def test_the_index_says_what_runs_on_mini(pages):
    lines = [line for line in pages["README.md"].splitlines() if line.startswith("| [")]
    on_mini = {line.split("]")[0].removeprefix("| ["): line.split("|")[-2].strip() == "yes" for line in lines}
    assert {name for name, runs in on_mini.items() if not runs} == {"nudity", "timed147", "ablation_memorized"}


def test_a_task_of_memorised_images_has_a_sentence_of_its_own(pages):
    assert "Ablate memorised images one by one" in pages["ablation_memorized.md"]
    assert "hard negatives stay" not in pages["ablation_memorized.md"]


@pytest.mark.parametrize("name", ["ablation", "ablation_memorized"])
def test_data_of_fewer_than_ten_concepts_one_by_one_are_said_to_be_never_ranked(pages, name):
    assert load_card(name).counts["requests"] < FEWEST
    assert "never ranked: fewer than ten" in pages[f"{name}.md"]


def test_metrics_without_a_value_on_some_data_are_named(pages):
    assert "holdout\\_seen and holdout\\_unseen: no value on the data aice" in pages["aice.md"]


def test_results_and_published_numbers_are_linked(pages):
    assert "[leaderboards/aice-sd14.md](../../leaderboards/aice-sd14.md)" in pages["aice.md"]
    assert "## Results\n\nNot measured." in page(facts())


def test_paragraphs_of_the_module_stand_on_the_page():
    assert "\n\nOne.\n\nTwo.\n\n" in page(facts())


def test_links_of_the_pages_lead_somewhere(pages):
    for text in pages.values():
        for target in re.findall(r"\]\((\.\.[^)#]+)\)", text):
            assert (ROOT / "docs" / "tasks" / target).exists(), target

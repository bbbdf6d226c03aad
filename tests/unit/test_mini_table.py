"""The table of mini's README and the sentences of docs/mini.md: what the report beside the weights says."""

import json
from pathlib import Path

import pytest

from tools.measure_mini import GROUPS, REPORT, TWIN_ROWS
from tools.mini_table import README, ROWS, table, with_table

DOCS = Path(__file__).parents[2] / "docs" / "mini.md"


@pytest.fixture(scope="module")
def report():
    return json.loads(REPORT.read_text(encoding="utf-8"))


def test_the_committed_table_is_the_reports(report):
    text = README.read_text(encoding="utf-8")
    assert with_table(text, report) == text, "run `python tools/measure_mini.py --table` and commit the README"


def test_every_number_of_the_report_has_a_place_in_the_table(report):
    named = {key for row in ROWS for key in row.keys} | {"two_colours_swapped", "unknown_name_recognised"}
    assert named == set(report["measured"])


def test_rows_by_the_twin_are_named_where_its_weights_are_missing(report):
    assert set(TWIN_ROWS) < set(GROUPS)
    assert {name for names in TWIN_ROWS.values() for name in names} < set(report["measured"])


def test_what_docs_say_of_the_accuracies_is_the_reports(report):
    said, found = " ".join(DOCS.read_text(encoding="utf-8").split()), report["measured"]
    sentences = (
        "a mean probability of {right_class_edit_prompts:.2f} on free-form prompts",
        "{right_class_holdout:.2f} on the 366 holdout classes",
        "{right_class_aliases:.2f} on aliases and {right_class_upstream_prompts:.2f} on the authors' own AICE prompts",
        "{right_class_upstream_holdout:.2f} on those for the holdout",
        "had 0.928 and 0.938 where this one has {right_class_edit_prompts:.3f} and {right_class_holdout:.3f}",
        "aliases rose from 0.709 to {right_class_aliases:.3f}",
        "for sources from 0.752 to {right_class_upstream_prompts:.3f}",
        "Of drawn styles {style_recognised:.2f} are recognised",
        "of identities {identity_recognised:.2f} among 300",
        "of genders that a prompt says {gender_obeyed:.2f}",
        "both are right in {two_objects_right:.2f} of images",
        "Asked by these names, mini draws the class in {unknown_name_recognised:.2f} of images",
        "participation ratio ((Σλ)² / Σλ² of their covariance) {ratio_of_class_states:.0f}",
        "second MLP matrix {ratio_of_class_keys:.0f} of 640",
    )
    assert [each for each in sentences if each.format(**found) not in said] == []


def test_a_number_that_is_missing_is_a_dash():
    text = table({"two_objects_right": None})
    assert "| two objects asked for, both right | – |" in text
    assert "(swapped: –)" in text


def test_a_readme_without_a_table_is_refused():
    with pytest.raises(ValueError, match="one table"):
        with_table("# mini\n", {"measured": {}})

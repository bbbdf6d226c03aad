"""Published numbers stand as they were read: counts, a few points, and the derived headline."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from iceb.leaderboard.published import read_published
from iceb.leaderboard.render import render
from iceb.registry import entries_of
from iceb.tasks.aice import AICE
from tests.outside import published_facts
from tools import make_published

PAPER = tomllib.loads(files("iceb.baselines").joinpath("published", "emcid.toml").read_text(encoding="utf-8"))
ROOT = Path(__file__).parents[2]
FACTS = published_facts()
ROWS = {(row["method"], row["num_edits"], row["metric"]): row for row in PAPER["rows"]}


@pytest.mark.parametrize(
    ("method", "count", "metric", "value"),
    [
        ("EMCID", 10, "source2dest", 0.561),
        ("EMCID", 300, "source2dest", 0.508),
        ("EMCID", 10, "holdout_delta", -0.043),
        ("EMCID", 300, "holdout_delta", -0.173),
        ("UCE", 100, "holdout_delta", -0.731),
        ("EMCID", 300, "efficacy_source2dest", 0.597),
        ("UCE", 300, "alias2dest", -0.007),
    ],
)
def test_published_numbers_are_the_points_read_from_the_figure(method, count, metric, value):
    assert ROWS[method, count, metric]["value"] == value


def test_every_row_is_a_metric_of_ours_and_says_how_well_it_is_known():
    assert len(ROWS) == len(PAPER["rows"]) == 217
    for row in PAPER["rows"]:
        assert row["metric"] in AICE.metrics
        assert row["evidence"] in ("digitised", "derived")
        assert 0 < row["uncertainty"] <= (0.01 if row["verified"] else 0.03)


def test_both_curves_that_the_headline_is_made_of_are_whole():
    for count in (10, 50, 100, 150, 200, 250, 300):
        for metric in ("holdout_delta", "source2dest", "source_forget"):
            for method in ("EMCID", "UCE", "TIME", "ReFACT"):
                assert (method, count, metric) in ROWS
        assert ("ESD", count, "holdout_delta") in ROWS
        assert ("ESD", count, "source_forget") in ROWS


def test_the_page_says_how_each_number_came_about_and_which_method_of_ours_it_is():
    (paper,) = [each for each in read_published() if (each.paper, each.task) == (PAPER["paper"], "aice")]
    text = render("t", (), [paper])
    assert "Read off Figure 3, not measured here: marker centres" in text
    assert "### source2dest, by number of edits\n" in text
    assert "### edit_score, by number of edits: computed as half the sum of the two read" in text
    assert "| UCE ([uce](../docs/methods/uce.md)) |" in text
    assert set(paper.ours.values()) <= {entry.name for entry in entries_of("methods")}


def test_the_headline_is_half_the_sum_of_its_parts():
    derived = [row for row in PAPER["rows"] if row["metric"] == "edit_score"]
    assert len(derived) == 28
    for row in derived:
        parts = [ROWS[row["method"], row["num_edits"], name]["value"] for name in ("source2dest", "holdout_delta")]
        assert row["value"] == pytest.approx(sum(parts) / 2, abs=5e-5)
        assert row["evidence"] == "derived"


def test_the_files_are_what_their_tool_makes_of_the_facts():
    if not FACTS.is_file():
        pytest.skip(f"the facts are not at {FACTS}: the generated files are not made again")
    made = make_published.texts(json.loads(FACTS.read_text(encoding="utf-8")))
    folder = ROOT / "baselines" / "published"
    assert made == {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")}

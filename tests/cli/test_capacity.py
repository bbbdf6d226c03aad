"""`iceb capacity`: the committed results as a table, as JSON and as a figure; what it refuses."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from iceb.cli.main import run

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results" / "aice"
SOME = [str(RESULTS / name) for name in ("emcid", "unedited", "prompt_swap")]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The figure's path; one call with a figure."""
    path = tmp_path_factory.mktemp("figure") / "capacity.svg"
    assert run(["capacity", *SOME, "-o", str(path)]) == 0
    return path


def test_the_figure_is_written_and_well_formed(outcome):
    assert "emcid, tuned for mini with MEMIT's residual" in "".join(ElementTree.parse(outcome).getroot().itertext())


def test_json_holds_curves_and_what_is_read_off_them(capsys):
    assert run(["capacity", *SOME, "--json", "--level", "0.5"]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert (table["efficacy"], table["preservation"], table["ceiling"]) == (
        "source2dest",
        "holdout_delta",
        "prompt_swap",
    )
    rows = {row["row"]: row for row in table["rows"]}
    for point in rows["prompt_swap (control)"]["points"]:
        assert point["efficacy"]["value"] == pytest.approx(1.0)
    for point in rows["unedited (control)"]["points"]:
        assert (point["efficacy"]["value"], point["preservation"]["value"], point["score"]) == (0.0, 1.0, 0.0)
    tuned = rows["emcid, tuned for mini with MEMIT's residual"]
    assert tuned["capacities"][0]["edits"] == {"least": 300.0, "most": None}
    assert tuned["half_life"] == {
        "edits": {"least": 300.0, "most": None},
        "interval": None,  # five draws of one edit are too few concepts to resample the score at 1
        "note": "still above half at 300",
    }
    for point in tuned["points"][1:]:
        assert point["preservation"]["low"] < point["preservation"]["value"] < point["preservation"]["high"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--level", "0"], "--level 0: must be above 0 and at most 1"),
        (["--counts", "10"], "--counts 10: must be two or more numbers of edits"),
        (["--counts", "a,b"], "--counts 'a': must be a whole number"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(options, said, capsys):
    assert run(["capacity", *SOME[1:2], *options]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_folder_is_named(tmp_path, capsys):
    assert run(["capacity", str(tmp_path / "gone")])
    assert "is not there: name a run's folder" in capsys.readouterr().err

"""The embedded model on the weights that ship: it draws what it is told, it can be edited, and it stays small.

Small samples of the rows that `python tools/measure_mini.py` measures in full; the bounds are the model's requirements.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import iceb
from iceb.cli.main import run
from iceb.datasets import open_dataset
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.report.mini_quality import MiniReport
from iceb.specs.prompts import Prompt
from iceb.specs.schedules import edit_batches

WEIGHTS = Path(iceb.__file__).parent / "mini" / "weights"
MOST_BYTES = 40 * 2**20


@pytest.fixture(scope="module")
def report() -> MiniReport:
    return MiniReport.of(ModelBundle(find("mini"), "cpu"))


def every_nth(role: str, step: int) -> Sequence[Prompt]:
    data = open_dataset("aice", "embedded")
    (batch,) = edit_batches(data.schedule(300))
    return [prompt for prompt in (*data.prompts(batch), *data.shared_prompts(300)) if prompt.role == role][::step]


def test_the_weights_stay_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) <= MOST_BYTES


def test_the_judge_knows_rendered_images(report: MiniReport) -> None:
    assert report.judge_accuracy(300) >= 0.98  # required: 0.99 on all; one in a hundred may fall into a small sample


def test_free_form_prompts_show_their_class(report: MiniReport) -> None:
    assert report.right_class(every_nth("source", 47)) >= 0.85


def test_holdout_prompts_show_their_class(report: MiniReport) -> None:
    assert report.right_class(every_nth("holdout", 61)) >= 0.85


def test_a_colour_word_before_the_name_is_obeyed(report: MiniReport) -> None:
    assert report.colour_obeyed(50) >= 0.8


def test_patching_one_state_after_layer_10_makes_the_image_the_destination(report: MiniReport) -> None:
    assert report.patch_success(edit_batches(open_dataset("aice", "embedded").schedule(32))[0].requests) >= 0.7


def test_the_main_job_edits_mini_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real command with fewer prompts and captions; the destination must rise and the source must fall."""
    command = ["evaluate", "--method", "emcid", "--task", "aice", "--num-edits", "3", "--device", "cpu"]
    small = ["--limit", "6", "--set", "caption_count=400", "--set", "moment_weight=100", "--json"]
    places = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "runs")]
    assert run([*command, *small, *places]) == 0
    result = json.loads(capsys.readouterr().out)
    scores = {score["metric"]: score["value"] for score in result["scores"]}
    assert result["status"] == "partial"
    assert scores["efficacy_source2dest"] > 0.3
    assert scores["efficacy_source_forget"] > 0.5

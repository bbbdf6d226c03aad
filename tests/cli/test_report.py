"""What a terminal of 80 columns shows: a result's table, progress, checks, and no bar of anybody else."""

import re
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from iceb.base.errors import MeasureError
from iceb.cli import check_lines
from iceb.cli.progress import Bars
from iceb.cli.report import summary
from iceb.conformance.check_line import Line
from iceb.models.loading import silence_libraries
from iceb.registry import entries_of
from iceb.runs.withheld import refuse_withheld
from iceb.specs.results import Result

FIXTURE = Path(__file__).parents[1] / "fixtures" / "result.json"


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def wide() -> Result:
    """A result with every metric there is, and the largest counts that the main job has."""
    fixture = Result.from_json(FIXTURE.read_text(encoding="utf-8"))
    one = fixture.scores[0].model_copy(
        update={"value": -0.12345, "stderr": 0.01, "before": 0.9, "after": 0.5, "n": 11926, "concepts": 366, "note": ""}
    )
    names = [(entry.name, up) for entry in entries_of("metrics") for up in (True, False)]
    scores = [one.model_copy(update={"metric": name, "higher_is_better": up}) for name, up in names]
    return fixture.model_copy(update={"scores": tuple(scores)})


def test_the_table_of_scores_fits_80_columns_with_three_decimals_and_arrows(capsys):
    result = wide()
    summary(result, cost=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for score in result.scores:
        arrow = "↑" if score.higher_is_better else "↓"
        (line,) = [line for line in lines if line.split()[:2] == [score.metric, arrow]]
        assert re.search(r" 0\.900 +0\.500 +-0\.123 ± 0\.010 +11926 +366", line), line


def test_a_bar_fits_80_columns_and_names_what_is_past_and_what_is_left():
    bars = Bars()
    task = bars.progress.add_task("measuring vit_mini@1, before", total=11926)
    bars.progress.advance(task, 11926)
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(bars.progress.get_renderable())
    (line,) = captured.get().splitlines()
    assert len(line) <= 80
    assert re.search(r"11926/11926 0:00:\d\d elapsed 0:00:00 left", line)


def test_a_check_is_one_line_in_a_file_and_fits_a_terminal(monkeypatch):
    line = Line("odd: empty destination", "fail", "the edit holds 256 numbers that are NaN or infinite, of 6324224")
    assert check_lines._fit(line).count("\n") == 0
    monkeypatch.setattr(check_lines.sys.stdout, "isatty", lambda: True, raising=False)
    shown = check_lines._fit(line).splitlines()
    assert len(shown) == 2
    assert max(map(len, shown)) <= shutil.get_terminal_size().columns
    assert " ".join(" ".join(shown).split()) == " ".join(f"{line.status} {line.check} {line.note}".split())


@pytest.mark.parametrize("enabled", [True, False])
def test_loading_a_model_leaves_the_libraries_bars_as_they_were(enabled):
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    (logging.enable_progress_bar if enabled else logging.disable_progress_bar)()
    try:
        with silence_libraries():
            assert not logging.is_progress_bar_enabled()
        assert logging.is_progress_bar_enabled() is enabled
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()


def test_a_run_whose_scores_are_all_withheld_fails_and_says_why():
    lost = {"value": None, "stderr": None, "note": "withheld: 9 of 9 images of source could not be measured"}
    result = wide()
    scores = [score.model_copy(update={**lost, "failed": 9, "failed_why": "m@1 gave NaN"}) for score in result.scores]
    refuse_withheld(result.model_copy(update={"scores": (*scores[1:], result.scores[0])}))
    said = r"no score has a value: too many images could not be measured \(m@1 gave NaN\)"
    with pytest.raises(MeasureError, match=said):
        refuse_withheld(result.model_copy(update={"scores": tuple(scores)}))

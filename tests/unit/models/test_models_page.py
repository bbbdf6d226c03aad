"""iceb/models/README.md counts texts as the tasks have them."""

from pathlib import Path

import pytest

import iceb
from iceb.models.families import FAMILIES
from iceb.models.sources import find
from iceb.models.text_memory import LIMIT
from iceb.running.plan import Ask
from iceb.running.task_data import read_task, task_of
from iceb.specs.metrics import BEFORE
from tests.outside import upstream_data

DATA = upstream_data()
PAGE = (Path(iceb.__file__).parent / "models" / "README.md").read_text(encoding="utf-8")
STATE = {"mini": 77 * 128 * 4, "sd14": 77 * 768 * 4}  # bytes of a text's states


def counts(model, root):
    """Images of AICE at 300 edits before an edit, and their different texts."""
    ask = Ask("aice", "unedited", 300)
    data = read_task(ask, task_of(ask), find(model), root, may_fetch=False)
    prompts = dict.fromkeys(prompt for each in data.checkpoints for prompt in each.prompts)
    drawn = [prompt for prompt in prompts if BEFORE in data.selection.sides(prompt)]
    return len(drawn), len({prompt.text for prompt in drawn})


def test_the_page_counts_the_texts_of_mini_and_what_of_them_is_kept(tmp_path):
    assert counts(FAMILIES["mini"].name, tmp_path) == (4463, 4463)
    assert "4 463 for as many images" in PAGE
    assert 0.7 < LIMIT / (2 * STATE["mini"]) / 4463 < 0.8
    assert LIMIT / STATE["mini"] > 4463


@pytest.mark.skipif(not (DATA / "iceb_data").is_dir(), reason="AICE's own files are not at hand")
def test_the_page_counts_the_texts_of_aice_and_what_of_them_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ICEB_DATA", str(DATA))
    assert counts("sd14", tmp_path) == (4618, 4502)
    assert "4 502 different texts a side for its 4 618 images" in PAGE
    assert LIMIT / STATE["sd14"] / 4502 == pytest.approx(0.25, abs=0.01)

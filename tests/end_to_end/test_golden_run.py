"""EMCID at one edit, made anew: the scores that the embedded model and its captions gave when they were recorded.

Only the images of the one request are drawn, its training and its source prompts, and a tenth of the captions is
read (tests/unit/test_captions.py holds all of them), so that the run takes about 15 seconds of one core.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iceb import registry
from iceb.running.evaluate import evaluate
from iceb.running.plan import Ask, plan
from iceb.specs.execution import Execution
from iceb.tasks.aice import AICE

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "emcid_1.json").read_text(encoding="utf-8"))
METRICS = tuple(GOLDEN["scores"])


@pytest.mark.slow
def test_emcid_at_one_edit_scores_as_it_did(monkeypatch, tmp_path):
    task, load = replace(AICE, metrics=METRICS, headline="source2dest", axes=None), registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: task if group == "tasks" else load(group, name))
    cache, settings = tmp_path / "cache", GOLDEN["settings"]
    ask = Ask(task="aice", method="emcid", num_edits=1, cache=cache, settings=settings, execution=Execution("cpu"))
    planned = plan(ask)
    assert len(planned.prompts_before) == 8
    result = evaluate(planned)
    assert result.method.recipe == "emcid/aice"
    change = "text_encoder.10.relative_change"
    assert result.log[change] == pytest.approx(GOLDEN[change], rel=GOLDEN["tolerance"])
    assert {score.metric for score in result.scores} == set(METRICS)
    for score in result.scores:
        wanted = GOLDEN["scores"][score.metric]
        assert score.n == wanted["n"]
        for side in ("value", "before", "after"):
            assert getattr(score, side) == pytest.approx(wanted[side], abs=GOLDEN["tolerance"]), score.metric

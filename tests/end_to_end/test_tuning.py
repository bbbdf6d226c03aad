"""The tuning tool on mini itself, in small: trials, resuming, and what the limit leaves out."""

from dataclasses import replace

import pytest

from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.specs.methods import Edit
from iceb.tuning.judging import Judge
from iceb.tuning.protocol import PROTOCOL
from iceb.tuning.search import Search
from iceb.tuning.space import Planned
from iceb.tuning.validation import scored_classes, validation

SMALL = replace(PROTOCOL, edits=(1, 2), trials=3, prompts=2, holdout=3)


@pytest.fixture(scope="module")
def bundle():
    return ModelBundle(find("mini"), "cpu")


def test_validation_classes_are_none_that_a_table_scores():
    tried = validation(150)
    named = {*tried.sources, *tried.dests, *tried.labels}
    assert len(named) == 334
    assert not named & scored_classes()
    assert not set(tried.sources) & set(tried.labels)


def test_the_holdout_and_the_number_of_prompts_are_the_same_at_every_number_of_edits():
    tens, fifties, most = (validation(count) for count in PROTOCOL.edits)
    assert tens.kept == fifties.kept == most.kept
    assert len(tens.asked) == len(fifties.asked) == len(most.asked) == PROTOCOL.prompts
    assert most.requests[:10] == tens.requests


def test_an_edit_of_nothing_changes_nothing(bundle, tmp_path):
    found = Judge(bundle, tmp_path).changes(Edit(), validation(2, SMALL))
    assert (found.source2dest, found.source_forget, found.holdout_delta) == (0.0, 0.0, 0.0)


def test_trials_are_kept_and_not_made_again(bundle, tmp_path, monkeypatch):
    search = Search(bundle, "time", tmp_path / "cache", tmp_path, SMALL)
    lines: list[str] = []
    first = search.run(lines.append)
    assert first.is_complete
    assert [trial.what for trial in first.trials] == ["published", "start", "grid"]
    assert all(line.startswith(f"trial {place} ") for place, line in enumerate(lines))
    assert first.model == bundle.ref.revision
    best = first.best
    assert best is not None
    assert best[2] == max(trial.score(SMALL.edits) for trial in first.trials)
    monkeypatch.setattr(Judge, "changes", lambda *_: pytest.fail("a trial was made again"))
    assert search.run(lines.append) == first


def test_a_stopped_tuning_goes_on_where_it_was(bundle, tmp_path):
    search = Search(bundle, "time", tmp_path / "cache", tmp_path, SMALL, limit_seconds=0.0)
    assert not search.run(lambda _: None).is_complete
    assert not search.path.exists()  # nothing was made
    assert replace(search, limit_seconds=None).run(lambda _: None).is_complete


def test_settings_that_a_method_refuses_are_a_failed_trial(bundle, tmp_path, monkeypatch):
    planned = [Planned("grid", {"ridge": -1.0})]
    monkeypatch.setattr("iceb.tuning.search.planned_trials", lambda *_: planned)
    (trial,) = Search(bundle, "time", tmp_path / "cache", tmp_path, replace(SMALL, trials=1)).run(lambda _: None).trials
    assert trial.score(SMALL.edits) is None
    assert "ridge" in trial.error

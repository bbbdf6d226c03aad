"""Rows are ranked by tests on the same concepts; what their tables hold decides, not the errors of their scores."""

import dataclasses

import numpy as np
import pytest

from iceb.leaderboard import pairwise
from iceb.leaderboard.rank import NO_BETTER, TOO_FEW, tables

COMMON = np.random.default_rng(0).beta(0.4, 0.3, 24)  # what makes a concept hard for every method


def with_gain(made, gain, seed, spread=0.02):
    """A result whose concepts have the common difficulty, a gain and little chance of its own."""
    own = gain + spread * np.random.default_rng(seed).normal(size=len(made.rows))
    after = np.clip(0.2 + 0.5 * np.resize(COMMON, len(made.rows)) + own, 0, 1)
    rows = [
        dataclasses.replace(row, value=dataclasses.replace(row.value, before=0.3, after=float(each)))
        for row, each in zip(made.rows, after, strict=True)
    ]
    return rescore(made.with_rows(tuple(rows)))


def rescore(made):
    """With the scores that its table makes."""
    from iceb.specs.reduce import reduce_values

    scores = []
    for score in made.result.scores:
        found = reduce_values([row.value for row in made.rows if row.metric == score.metric], score.reduction.reduction)
        names = ("value", "stderr", "low", "high", "before", "after")
        scores.append(score.model_copy(update={name: getattr(found, name) for name in names}))
    return made.with_fields(scores=tuple(scores))


def places(rows, task):
    per_concept = {each.result.per_concept.sha256: each.rows for each in rows}
    (table,) = tables([each.result for each in rows], task, per_concept)
    return {entry.row.method: (entry.place, entry.rank.groups if entry.rank else "") for entry in table.ranked[10]}


@pytest.fixture
def ranked_task(task):
    return dataclasses.replace(task, headline="source2dest")


def made_rows(make_result, gains, concepts=24):
    return [
        with_gain(make_result(name, 10, {"source2dest": 0.1}, concepts=concepts), gain, seed)
        for seed, (name, gain) in enumerate(gains.items())
    ]


def test_a_small_difference_on_every_concept_is_seen_though_scores_scatter_more(make_result, ranked_task):
    rows = made_rows(make_result, {"emcid": 0.15, "uce": 0.10, "rece": 0.10})
    assert min(each.result.scores[0].stderr for each in rows) > 0.03
    assert places(rows, ranked_task) == {"emcid": ("1", "a"), "uce": ("2–3", "b"), "rece": ("2–3", "b")}


def test_a_row_that_is_not_proven_better_than_unedited_has_no_rank(make_result, ranked_task):
    rows = made_rows(make_result, {"emcid": 0.15, "uce": 0.001})
    floor = with_gain(make_result("unedited", 10, {"source2dest": 0.0}, concepts=24, paper=""), 0.0, 9)
    found = places([*rows, floor], ranked_task)
    assert found == {"emcid": ("1", "a"), "uce": (NO_BETTER, ""), "unedited": ("control", "")}


def test_a_floor_without_an_error_is_a_fixed_number(make_result, ranked_task):
    """A geometric or harmonic mean with a part at 0 is 0 and has no error: the unedited model's on RoAD and TIMED."""
    rows = made_rows(make_result, {"emcid": 0.15, "uce": 0.001})
    floor = with_gain(make_result("unedited", 10, {"source2dest": 0.0}, concepts=24, paper=""), 0.0, 9)
    (score,) = floor.result.scores
    bare = score.model_copy(update={"value": rows[1].result.scores[0].value, "stderr": None, "low": None, "high": None})
    found = places([*rows, floor.with_fields(scores=(bare,))], ranked_task)
    assert found == {"emcid": ("1", "a"), "uce": (NO_BETTER, ""), "unedited": ("control", "")}


def test_below_ten_clusters_nothing_is_ranked(make_result, ranked_task, monkeypatch):
    few = made_rows(make_result, {"emcid": 0.15, "uce": 0.01}, concepts=9)
    assert {place for place, _ in places(few, ranked_task).values()} == {TOO_FEW}
    rows = made_rows(make_result, {"emcid": 0.15, "uce": 0.01})
    assert places(rows, ranked_task)["emcid"] == ("1", "a")
    shared = {f"source {place}": f"class {place % 6}" for place in range(24)}
    monkeypatch.setattr(pairwise, "cluster_names", lambda result, task: shared)
    assert {place for place, _ in places(rows, ranked_task).values()} == {TOO_FEW}


def test_lower_is_better_mirrors_the_ranks(make_result, task):
    lower = dataclasses.replace(task, metrics=(*task.metrics, "dest_forget"), headline="dest_forget")
    made = [make_result(name, 10, {"dest_forget": 0.1}, concepts=24) for name in ("emcid", "uce")]
    rows = [with_gain(each, gain, seed) for seed, (each, gain) in enumerate(zip(made, (0.2, 0.0), strict=True))]
    assert [place for place, _ in places(rows, lower).values()] == ["1", "2"]
    best = min(rows, key=lambda each: each.result.scores[0].value)
    assert places(rows, lower)[best.result.method.name] == ("1", "a")


def test_the_order_of_a_table_pairs_nothing(make_result, ranked_task):
    rows = made_rows(make_result, {"emcid": 0.15, "uce": 0.12})
    turned = [rows[0], rows[1].with_rows(tuple(reversed(rows[1].rows)))]
    assert places(turned, ranked_task) == places(rows, ranked_task)

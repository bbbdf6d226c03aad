"""Counts of degenerate images agree with the images of the scores; failures of the detector are a third outcome."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb.leaderboard.cells import cell
from iceb.leaderboard.collect import refusal
from iceb.leaderboard.degenerate_counts import UNCOUNTED, lacks_counts
from iceb.leaderboard.recompute import problems
from iceb.leaderboard.unranked import DEGENERATE, UNREAD, why_unranked
from iceb.runs.folder import read_result
from iceb.specs.degenerate import DegenerateCounts, DegenerateRecord
from iceb.specs.records import TableRecord
from iceb.specs.runs import MeasureRef

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results"
SCORES = {"edit_score": 0.25, "source2dest": 0.4, "holdout_delta": -0.1, "holdout_seen": -0.1}
CONCEPTS, OF_ROLE = 12, 60
MEASURE = MeasureRef(id="degenerate@1", revision="1")


def counts(images=OF_ROLE, **fields):
    return DegenerateCounts(**{"images": images, "images_before": images, "after": 0, "before": 0, **fields})


def result_with(make_result, **roles):
    """A new result with scores of two roles, and such counts of degenerate images."""
    record = DegenerateRecord(measure=MEASURE, roles={"source": counts(), "holdout": counts(), **roles})
    return make_result(scores=SCORES, concepts=CONCEPTS).with_fields(degenerate=record)


def test_counts_of_the_images_that_were_judged_pass(make_result):
    made = result_with(make_result, source=counts(after=7, kinds={"noise": 7}, before=2, failed=3))
    assert problems(made.result, made.rows) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    images=st.integers(0, 10_000).filter(lambda images: images != OF_ROLE), role=st.sampled_from(["source", "holdout"])
)
def test_any_other_number_of_images_of_a_role_is_refused_by_its_name(make_result, images, role):
    made = result_with(make_result, **{role: counts(images)})
    found = problems(made.result, made.rows)
    assert found
    assert all(f"degenerate: counts {images} images of" in problem and role in problem for problem in found)


def test_a_role_that_is_not_counted_at_all_is_refused(make_result):
    made = result_with(make_result)
    record = made.result.degenerate.model_copy(update={"roles": {"source": counts()}})
    assert "degenerate: counts 0 images of holdout, metric holdout_delta judged 60" in problems(
        made.with_fields(degenerate=record).result, made.rows
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"after": 1},
        {"after": 61, "kinds": {"noise": 61}},
        {"after": 59, "kinds": {"noise": 59}, "failed": 2},
        {"before": 61},
        {"before": 59, "failed_before": 2},
        {"images_before": 61},
    ],
)
def test_counts_that_no_run_writes_are_refused(make_result, fields):
    made = result_with(make_result, source=counts(**fields))
    (problem,) = problems(made.result, made.rows)
    assert problem.startswith("role 'source' counts degenerate images as no run can")


def test_counts_of_more_images_than_the_run_lists_are_refused(make_result):
    made = result_with(make_result).with_fields(images=TableRecord(sha256="1" * 64, rows=100))
    assert problems(made.result, made.rows) == ["degenerate: counts 120 images after the edit, the run's list has 100"]


def test_another_threshold_is_refused(make_result):
    made = result_with(make_result)
    record = made.result.degenerate.model_copy(update={"threshold": 0.9})
    assert problems(made.with_fields(degenerate=record).result, made.rows) == [
        "degenerate: threshold is 0.9, must be 0.05"
    ]


def test_images_that_failed_in_a_metric_are_counted_all_the_same(make_result):
    more = {role: counts(OF_ROLE + 2) for role in ("source", "holdout")}
    made = result_with(make_result, **more)
    for name in SCORES:
        made = made.with_score(name, failed=2, failed_why="KeyError")
    assert problems(made.result, made.rows) == []


# Results without counts


def test_a_new_result_without_counts_is_refused_and_an_old_one_is_not(make_result):
    old = make_result()
    assert refusal(old.result) is None
    said = refusal(old.from_run(commit="f" * 40).result)
    assert said.startswith("it does not say how many of its images are degenerate")
    assert refusal(old.from_run(commit=None).result) == said
    assert refusal(result_with(make_result).from_run(commit="f" * 40).result) is None


def test_a_result_of_images_before_alone_needs_no_counts(make_result):
    new = make_result(scores={"source2dest": 0.4}).from_run(commit="f" * 40)
    score = new.result.score("source2dest")
    parts = {"source": score.reduction.parts["source"].model_copy(update={"change": "before"})}
    blind = new.with_score("source2dest", reduction=score.reduction.model_copy(update={"parts": parts}))
    assert [lacks_counts(each.result) for each in (new, blind)] == [True, False]


def test_the_committed_results_are_of_the_version_that_did_not_count():
    found = [read_result(path) for path in sorted(RESULTS.rglob("*.json"))]
    assert {result.provenance.commit for result in found if result.degenerate is None} == UNCOUNTED


# Failures of the detector


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"failed": 3}, ""),
        ({"failed": 4}, UNREAD),
        ({"failed_before": 4}, UNREAD),
        ({"failed": 3, "after": 40, "kinds": {"noise": 40}}, DEGENERATE),
    ],
)
def test_failures_above_five_percent_of_a_role_withhold_the_rank(make_result, fields, why):
    assert why_unranked(cell([result_with(make_result, source=counts(**fields)).result])) == why


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ({"blank": 50}, ""),  # as the prompts without the name: 54 of 60
        ({"blank": 30, "blobs": 24}, ""),
        ({"blank": 60}, ""),  # six more: chance
        ({"blank": 40, "noise": 20}, DEGENERATE),  # noise is allowed nowhere
        ({"noise": 50}, DEGENERATE),
    ],
)
def test_empty_images_are_allowed_as_far_as_prompts_without_the_name_give_them(make_result, kinds, why):
    row = result_with(make_result, source=counts(after=sum(kinds.values()), kinds=kinds))
    swapped = result_with(make_result, source=counts(after=54, kinds={"blank": 54}))
    assert why_unranked(cell([row.result]), cell([swapped.result])) == why
    assert why_unranked(cell([row.result])) == DEGENERATE
    elsewhere = result_with(make_result, holdout=counts(after=54, kinds={"blank": 54}))
    assert why_unranked(cell([elsewhere.result]), cell([swapped.result])) == DEGENERATE  # of another role


@given(after=st.integers(0, 100), noise=st.integers(0, 100), swapped=st.integers(0, 100))
def test_allowing_empty_images_never_makes_an_excess_larger(after, noise, swapped):
    noise = min(noise, after)
    found = counts(100, after=after, kinds={"noise": noise, "blobs": after - noise})
    allowed = found.excess(counts(100, after=swapped, kinds={"blank": swapped})).share
    assert 0 <= allowed <= found.excess().share
    assert allowed >= (noise / 100 if noise >= 2 and not swapped else 0)
    assert found.noise().share == (noise / 100 if noise >= 2 else 0)


@given(images=st.integers(1, 500), after=st.integers(0, 500), failed=st.integers(0, 500))
def test_a_failed_image_is_never_counted_as_sound(images, after, failed):
    """The share is of the images that were looked at: failing on sound ones lowers it in no case."""
    after, failed = min(after, images), min(failed, max(0, images - after))
    plain = counts(images, after=after, kinds={"noise": after})
    assert plain.model_copy(update={"failed": failed}).excess().share >= plain.excess().share


def test_the_words_name_the_failures(make_result):
    record = result_with(make_result, source=counts(failed=4)).result.degenerate
    assert record.in_words.endswith("; the detector failed on 4 images, over the 5 % of a role that a rank allows")


def test_a_detector_that_fails_gives_a_third_outcome(tmp_path, monkeypatch):
    from iceb.base.errors import MeasureError
    from iceb.running import degenerate_images
    from iceb.running.measuring import Measuring
    from iceb.runs.ledger import ImageRow
    from iceb.specs.prompts import Prompt
    from iceb.stores.images import ImageStore
    from iceb.stores.measured import MeasuredStore

    class Failing:
        """Fails on black images, and finds noise in white ones."""

        id, revision, inputs = "degenerate@1", "1", "image"

        def __call__(self, inputs):
            if any(each.image.max() == 0 for each in inputs):
                raise MeasureError("too dark")
            return np.array([[0, 0, each.image.min() == 255, 0] for each in inputs], np.float32)

    monkeypatch.setattr(degenerate_images, "detector", Failing)
    store, keys = ImageStore(tmp_path), [f"{place:064x}" for place in range(3)]
    for key, shade in zip(keys, (0, 128, 255), strict=True):
        store.save(key, np.full((32, 32, 3), shade, np.uint8))
    black, grey, white = keys
    pairs = [(grey, black), (grey, white), (black, grey)]
    rows = [ImageRow("end", "", Prompt("a", place, "source"), *pair) for place, pair in enumerate(pairs)]
    found = degenerate_images.count_degenerate(Measuring(store, MeasuredStore(tmp_path)), rows).roles["source"]
    assert (found.images, found.after, found.failed, found.before, found.failed_before) == (3, 1, 1, 0, 1)
    assert found.kinds == {"noise": 1}


def test_the_counts_of_two_runs_of_one_thing_are_joined_by_role():
    first = DegenerateRecord(measure=MEASURE, roles={"source": counts(60), "dest": counts(30)})
    second = DegenerateRecord(measure=MEASURE, roles={"source": counts(60, failed=1), "holdout": counts(40)})
    joined = second.with_roles_of(first).roles
    assert {role: each.images for role, each in joined.items()} == {"source": 60, "holdout": 40, "dest": 30}
    assert joined["source"].failed == 1

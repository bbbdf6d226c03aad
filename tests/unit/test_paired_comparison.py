"""Comparisons pair concepts by name, refuse what does not compare, and give errors of the right size."""

import dataclasses

import numpy as np
import pytest

from iceb.base.errors import ResultError
from iceb.leaderboard import comparison, pairwise
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.planning import paired_variance
from iceb.specs.influences import influences_of
from iceb.specs.reduction import ConceptValue, Part, Reduction, set_reduction
from iceb.specs.variance_components import components_of
from iceb.statistics.clusters import Design

RISE = Reduction({"source": Part()})


def filed_result(made, tmp_path, name="a"):
    path = made.save(tmp_path / name / "result.json")
    return FiledResult(path, made.result, path.read_text(), b"", made.rows)


def random_rows(made, seed, *, share=1.0):
    """With other statistics of the same concepts, some left out."""
    random = np.random.default_rng(seed)
    rows = [
        dataclasses.replace(row, value=dataclasses.replace(row.value, before=0.1, after=random.random()))
        for row in made.rows
    ]
    return made.with_rows(tuple(rows[: int(share * len(rows))]))


@pytest.fixture
def pair(make_result, tmp_path):
    """Two results of twenty concepts, the second's in another order."""
    scores = {"source2dest": 0.25}
    first, second = (make_result(name, 10, scores, concepts=20) for name in ("emcid", "uce"))
    first, second = random_rows(first, 1), random_rows(second, 2)
    second = second.with_rows(tuple(reversed(second.rows)))
    return filed_result(first, tmp_path), filed_result(second, tmp_path, "b")


def test_concepts_are_paired_by_name_and_not_by_position(pair):
    first, second = pair
    after = [{row.value.concept: row.value.after for row in each.rows} for each in (first, second)]
    apart = np.array([after[1][name] - after[0][name] for name in after[0]])
    (found,) = comparison.compare(first, second).metrics
    assert found.difference.value == pytest.approx(apart.mean(), abs=1e-9)
    assert found.difference.stderr == pytest.approx(apart.std(ddof=1) / np.sqrt(20), abs=1e-9)
    assert found.p == found.p_holm == found.difference.p
    assert (found.n, found.clusters, len(found.concepts)) == (100, 20, 10)
    widest = max(after[0], key=lambda name: abs(after[1][name] - after[0][name]))
    assert found.concepts[0].concept == widest


def test_concepts_that_one_lacks_are_left_out_and_named(make_result, tmp_path):
    first, second = (make_result(name, 10, {"source2dest": 0.25}, concepts=20) for name in ("emcid", "uce"))
    one, other = (
        filed_result(random_rows(first, 1), tmp_path),
        filed_result(random_rows(second, 2, share=0.8), tmp_path, "b"),
    )
    (found,) = comparison.compare(one, other).metrics
    assert found.unpaired == ("source 16", "source 17", "source 18", "source 19")
    kept = [row.value.after - row.value.before for row in one.rows][:16]
    assert found.first == pytest.approx(np.mean(kept), abs=1e-9)
    assert found.clusters == 16


def test_a_result_compared_with_itself_has_no_difference(pair):
    (found,) = comparison.compare(pair[0], pair[0]).metrics
    assert (found.difference.value, found.p, found.p_permutation) == (0.0, 1.0, 1.0)


def test_below_ten_clusters_there_is_no_interval_and_the_signs_are_tried(make_result, tmp_path):
    first, second = (
        random_rows(make_result(name, 10, {"source2dest": 0.25}, concepts=6), seed)
        for seed, name in enumerate(("emcid", "uce"))
    )
    (found,) = comparison.compare(filed_result(first, tmp_path), filed_result(second, tmp_path, "b")).metrics
    assert found.difference is None
    assert found.p == found.p_permutation
    assert found.p * 2**6 == pytest.approx(round(found.p * 2**6))
    assert found.note == "6.0 clusters of equal weight: no interval and no t test below 10"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 20}, "different ways of drawing"),
        ({"family": "sd14"}, "different kinds of model"),
        ({"data": "0" * 64}, "different data files"),
        ({"prompts": "0" * 64}, "different prompts"),
        ({"num_edits": 1}, "different numbers of edits (10 and 1)"),
        ({"limit": 3}, "different limits"),
    ],
)
def test_results_that_do_not_compare_are_refused_with_what_differs(make_result, tmp_path, change, words):
    first = filed_result(make_result("emcid", 10), tmp_path)
    second = filed_result(make_result("uce", **{"num_edits": 10, **change}), tmp_path, "b")
    with pytest.raises(ResultError, match="do not compare: they have") as refusal:
        comparison.compare(first, second)
    assert words in str(refusal.value)


def test_a_failed_run_is_refused(make_result, tmp_path):
    failed = filed_result(make_result("uce", 10, error="broke"), tmp_path)
    with pytest.raises(ResultError, match="the run failed"):
        comparison.compare(filed_result(make_result("emcid", 10), tmp_path, "b"), failed)


def test_a_metric_of_another_version_is_left_out_and_named(make_result, tmp_path):
    first, second = (make_result(name, 10, {"edit_score": 0.2, "dest_forget": 0.1}) for name in ("emcid", "uce"))
    found = comparison.compare(
        filed_result(first, tmp_path), filed_result(second.with_score("dest_forget", version=1), tmp_path, "b")
    )
    assert [each.metric for each in found.metrics] == ["edit_score"]
    assert found.left_out == ("dest_forget: different versions of the metric (2 and 1)",)


def test_requests_that_share_a_destination_are_one_cluster(pair, monkeypatch):
    shared = {f"source {place}": f"class {place // 2}" for place in range(20)}
    monkeypatch.setattr(comparison, "cluster_names", lambda result: shared)
    first, second = pair
    after = [{row.value.concept: row.value.after for row in each.rows} for each in (first, second)]
    apart = np.array([after[1][f"source {place}"] - after[0][f"source {place}"] for place in range(20)])
    sums = (apart - apart.mean()).reshape(10, 2).sum(axis=1) / 20
    (found,) = comparison.compare(first, second).metrics
    assert found.clusters == 10
    assert found.difference.stderr == pytest.approx(np.sqrt((sums**2).sum() * 10 / 9), abs=1e-9)
    assert found.difference.freedom == pytest.approx(9)


def test_distances_of_sets_are_paired_by_their_halves():
    from iceb.leaderboard.paired_sets import set_difference

    random = np.random.default_rng(0)
    common = random.normal(size=40)

    def rows(shift):
        parts = [ConceptValue("all", "value", 0.0, 5.0 + shift, 900)]
        return parts + [
            ConceptValue("all", "resample", 0.0, 5.0 + shift + value, 30, place) for place, value in enumerate(common)
        ]

    found, note = set_difference(rows(0.0), rows(0.5), set_reduction("after"))
    assert note == ""
    assert (found.value, found.stderr) == (pytest.approx(0.5), pytest.approx(0.0, abs=1e-9))


def crossed_table(random, concepts, states, spreads):
    """Differences of concepts under every state: of the concept, of the state, of both."""
    of_concepts, of_states, of_both = spreads
    return (
        of_concepts * random.normal(size=(concepts, 1))
        + of_states * random.normal(size=(1, states))
        + of_both * random.normal(size=(concepts, states))
    )


@pytest.mark.parametrize("spreads", [(1.0, 0.0, 1.0), (1.0, 0.3, 1.0), (0.2, 0.5, 1.0)])
def test_the_variance_of_crossed_concepts_and_states_has_no_bias(spreads):
    concepts, states = 60, 5
    random = np.random.default_rng(2)
    one = np.zeros(concepts * states, dtype=np.int64)
    rows = np.repeat(np.arange(concepts), states)
    design = Design(one, rows, rows, np.tile(np.arange(states), concepts), np.full(len(one), 1 / len(one)))
    sample = np.stack([crossed_table(random, concepts, states, spreads).ravel() for _ in range(2000)])
    mean = sample.mean(axis=1, keepdims=True)
    found, _ = design.variance((sample - mean) / sample.shape[1])
    truth = sum(each**2 / n for each, n in zip(spreads, (concepts, states, concepts * states), strict=True))
    assert truth == pytest.approx(mean.var(), rel=0.1)
    assert 0.97 < found.mean() / truth < 1.15


@pytest.mark.parametrize("of_seeds", [0.0, 0.3])
def test_the_variance_over_seeds_is_found_beside_that_over_concepts(of_seeds):
    random = np.random.default_rng(1)
    concepts, seeds = 40, 3
    found = []
    for _ in range(150):
        table = crossed_table(random, concepts, seeds, (0.2, of_seeds, 0.3))
        values = [
            ConceptValue(f"c{row}", "source", 0.0, float(table[row, seed]), 5, 0, f"d-seed{seed}", "d")
            for row in range(concepts)
            for seed in range(seeds)
        ]
        found.append(influences_of(values, RISE).seed_variance)
    assert np.mean(found) == pytest.approx(of_seeds**2 / seeds, abs=0.009)


def test_components_say_where_an_error_comes_from():
    random = np.random.default_rng(3)
    values = [
        ConceptValue(f"c{row}", "source", 0.0, float(random.normal() + luck), 5, 0, f"d{draw}", f"d{draw}")
        for draw, luck in enumerate(2 * random.normal(size=12))
        for row in range(10)
    ]
    found = components_of(influences_of(values, RISE), {})
    assert found.concepts > 0
    assert found.states > found.concepts  # a draw's luck is twice the spread of concepts
    assert found.seeds is None


def test_a_plan_scales_requests_and_leaves_shared_prompts_as_they_are(make_result, monkeypatch):
    from iceb.leaderboard import planning

    first, second = (
        random_rows(make_result(name, 10, concepts=20), seed) for seed, name in enumerate(("emcid", "uce"))
    )
    influences = [
        influences_of([row.value for row in each.rows], each.result.scores[0].reduction.reduction)
        for each in (first, second)
    ]
    requests = {row.value.concept: None for row in first.rows if row.value.part == "source"}
    monkeypatch.setattr(planning, "requests_of", lambda result: requests)
    monkeypatch.setattr(planning, "cluster_names", lambda result: {})
    variance, concepts = paired_variance(first.result, *influences)
    whole, _ = pairwise.paired_variances(dict(enumerate(influences)), [0], [1], {})
    assert concepts == 20
    assert variance.fixed > 0
    assert variance.concept / 20 + variance.fixed == pytest.approx(float(whole[0]), abs=1e-9)

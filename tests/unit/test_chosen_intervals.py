"""The interval that a result records: by which method, over which clusters, and what is said of a changed one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iceb.leaderboard.filed_result import read_filed
from iceb.leaderboard.recompute import problems
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import VERSION, ConceptValue, Part, Reduction, set_reduction
from iceb.specs.results import Result
from iceb.statistics.estimates import interval
from iceb.statistics.intervals import chosen_interval
from tools.committed import committed_results

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results" / "aice"
RISE = Reduction({"source": Part()})
NUMBERS = np.random.default_rng(5).random(24)


def values_of(numbers, **fields):
    return [ConceptValue(f"c{place}", "source", 0.0, float(each), 1, **fields) for place, each in enumerate(numbers)]


def interval_of(values, reduction=RISE, clusters=None):
    return score_interval(values, reduction, reduce_values(values, reduction), clusters or {})


def test_of_one_state_it_is_bca_over_clusters():
    found = interval_of(values_of(NUMBERS))
    low, high = chosen_interval(NUMBERS.mean(), (NUMBERS - NUMBERS.mean()) / 24)
    assert (found.method, found.level, found.clusters) == ("bca", 0.95, pytest.approx(24))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    pairs = {f"c{place}": f"to {place // 2}" for place in range(24)}
    shared = interval_of(values_of(NUMBERS), clusters=pairs)
    assert (shared.method, shared.clusters) == ("bca", pytest.approx(12))
    assert (
        interval_of(values_of(NUMBERS), clusters={each: f"to {place // 3}" for place, each in enumerate(pairs)}) is None
    )


def test_over_draws_and_seeds_it_is_students():
    draws = [
        ConceptValue(f"c{place}", "source", 0.0, float(each), 1, 0, f"s{place // 2}", f"draw {place // 2}")
        for place, each in enumerate(NUMBERS)
    ]
    assert interval_of(draws).method == "student_t"
    seeds = [
        ConceptValue(each.concept, "source", 0.0, each.after + 0.1 * seed, 1, 0, f"s{seed}", "one")
        for seed in range(3)
        for each in values_of(NUMBERS)
    ]
    found, alone = interval_of(seeds), interval_of(values_of(NUMBERS))
    assert found.method == "student_t"
    assert found.high - found.low > alone.high - alone.low  # the seeds' variance is in it
    assert interval_of(seeds[:48]) is None  # of two seeds


def test_the_interval_over_three_seeds_holds_the_truth_where_seeds_make_the_error():
    """With the freedom of the concepts alone it held in 86 % of such samples."""
    rng, held, samples = np.random.default_rng(3), 0, 200
    for _ in range(samples):
        by_seed, by_concept = rng.normal(0.0, 0.1, 3), rng.normal(0.5, 0.02, 40)
        rows = [
            ConceptValue(f"c{place}", "source", 0.0, float(each + shift), 1, 0, f"s{seed}", "one")
            for seed, shift in enumerate(by_seed)
            for place, each in enumerate(by_concept)
        ]
        found = interval_of(rows)
        held += found is not None and found.low <= 0.5 <= found.high
    assert 0.91 <= held / samples <= 0.99


def alone(numbers, replicates=1):
    """Statistics of edits made alone, each judged by its own concept, with several seeds where there are replicates."""
    return [
        ConceptValue(f"c{place}", "source", 0.0, float(each), 1, seed, f"edit {place} {seed}", f"edit {place}")
        for place, each in enumerate(numbers)
        for seed in range(replicates)
    ]


@pytest.mark.parametrize("replicates", [1, 4])
def test_edits_made_alone_have_the_interval_of_their_concepts(replicates):
    """Each edit lies within a concept, so its luck is in the concept's scatter; last bits decided it once."""
    assert interval_of(alone(NUMBERS, replicates)) == interval_of(values_of(NUMBERS))


def test_concepts_that_all_have_one_value_have_no_interval():
    """That none of ten passed does not say that no other would."""
    assert interval_of(values_of(np.zeros(20))) is None
    assert interval_of(values_of(np.full(20, 0.1) + 0.2)) is None


def test_an_interval_ends_where_its_metric_does():
    draws = [
        ConceptValue(f"c{place}", "source", 0.0, float(place % 12 == 0), 1, 0, f"s{place // 12}", f"draw {place // 12}")
        for place in range(120)
    ]
    score = reduce_values(draws, RISE)
    free, ended = (score_interval(draws, RISE, score, {}, ends) for ends in ((-1, 1), (0, 1)))
    assert free.low <= ended.low
    assert score_interval(draws, RISE, score, {}, (0.5, 1)) == free  # its value lies beyond: of another range
    one = [replace(each, after=float(place == 0)) for place, each in enumerate(draws)]
    score = reduce_values(one, RISE)
    free, ended = (score_interval(one, RISE, score, {}, ends) for ends in ((-1, 1), (0, 1)))
    assert (free.low < 0, ended.low, ended.high) == (True, 0.0, free.high)


def test_of_a_distance_of_sets_it_is_its_own():
    reduction = set_reduction()
    halves = [ConceptValue("all", "resample", 1.0, 2.0 + 0.1 * place, 20, place) for place in range(6)]
    values = [ConceptValue("all", "value", 1.0, 2.0, 100), *halves]
    score = reduce_values(values, reduction)
    found = score_interval(values, reduction, score, {})
    assert (found.method, found.low, found.high, found.clusters) == ("student_t", score.low, score.high, 20.0)
    assert interval(score.value, score.stderr, 19, 20) == (found.low, found.high)


@pytest.fixture(scope="module")
def with_intervals():
    """A committed result and its table."""
    filed = read_filed(next((RESULTS / "uce").glob("0300-*.json")))
    return filed.result, filed.rows


def test_a_recorded_interval_is_written_read_and_computed_again(with_intervals):
    result, rows = with_intervals
    assert Result.from_json(result.to_json()) == result
    found = result.score("source2dest").interval
    assert (found.method, round(found.clusters, 1)) == ("bca", 175.1)
    assert problems(result, rows) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"low": -0.5}, "low of its interval is -0.5, the table makes"),
        ({"method": "student_t"}, "its interval is by student_t, the table makes one by bca"),
        ({"clusters": 300.0}, "clusters of its interval is 300.0"),
    ],
)
def test_an_interval_that_the_table_does_not_make_is_a_problem(with_intervals, change, said):
    result, rows = with_intervals
    scores = tuple(
        score.model_copy(update={"interval": score.interval.model_copy(update=change)})
        if score.metric == "source2dest"
        else score
        for score in result.scores
    )
    (problem,) = problems(result.model_copy(update={"scores": scores}), rows)
    assert problem.startswith(f"metric source2dest: {said}")


def as_of_version_one(result):
    """A committed result as the reduction's first version wrote it, without intervals."""
    scores = tuple(score.model_copy(update={"interval": None}) for score in result.scores)
    return result.model_copy(update={"scores": scores, "reduction_version": 1})


def test_results_of_the_first_reduction_read_and_write_as_they_stood(with_intervals):
    result = as_of_version_one(with_intervals[0])
    text = result.to_json()
    assert Result.from_json(text) == result
    assert "reduction_version" not in text
    assert '"interval"' not in text


def test_scores_of_an_older_reduction_are_made_again_from_the_table(with_intervals, tmp_path):
    result, _ = with_intervals
    path = tmp_path / "result.json"
    table = next((RESULTS / "uce").glob("0300-*.parquet"))
    path.with_name("per_concept.parquet").write_bytes(table.read_bytes())
    path.write_text(as_of_version_one(result).to_json(), encoding="utf-8")
    filed = read_filed(path)
    assert filed.result == result
    assert filed.text == result.to_json()


def test_committed_results_are_of_todays_reduction():
    """Else `python tools/reduce_again.py --write`."""
    assert {result.reduction_version for result in committed_results()} == {VERSION}


def test_an_interval_that_is_left_out_is_a_problem(with_intervals):
    result, rows = with_intervals
    scores = tuple(score.model_copy(update={"interval": None}) for score in result.scores)
    found = problems(result.model_copy(update={"scores": scores}), rows)
    assert found[0].endswith("it has no interval, and the table makes one")

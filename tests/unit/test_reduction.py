"""Concepts' statistics become a score: against plain formulas, and for any values."""

import itertools
import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import SpecError
from iceb.specs.records import ReductionRecord
from iceb.specs.reduce import change_of, reduce_values
from iceb.specs.reduction import RESAMPLE, VALUE, ConceptValue, Part, Reduction, set_reduction
from iceb.statistics.estimates import FEWEST, interval

ONE = Reduction({"source": Part()})
TWO = Reduction({"source": Part(0.5), "holdout": Part(0.5)})
NUMBERS = st.floats(-1, 1)


def values_of(numbers, sizes=None, part="source", names=None):
    """One value a concept, of these changes and numbers of images."""
    sizes, names = sizes or [1] * len(numbers), names or [f"c{place}" for place in range(len(numbers))]
    return [
        ConceptValue(name, part, 0.0, number, size) for name, number, size in zip(names, numbers, sizes, strict=True)
    ]


def pooled_mean(means, sizes):
    """Mean over images and its linearised standard error, by the textbook's formula for a ratio of two sums."""
    means, sizes = np.array(means), np.array(sizes)
    mean = (means * sizes).sum() / sizes.sum()
    scatter = ((sizes * (means - mean)) ** 2).sum() * len(means) / (len(means) - 1)
    return mean, math.sqrt(scatter) / sizes.sum()


@st.composite
def concepts(draw, fewest=2, most=20):
    """Changes of some concepts, and of how many images each."""
    numbers = draw(st.lists(NUMBERS, min_size=fewest, max_size=most))
    return numbers, draw(st.lists(st.integers(1, 6), min_size=len(numbers), max_size=len(numbers)))


@given(concepts())
def test_a_mean_over_images_equals_the_pooled_estimate(drawn):
    numbers, sizes = drawn
    score, (mean, error) = reduce_values(values_of(numbers, sizes), ONE), pooled_mean(numbers, sizes)
    assert score.value == pytest.approx(mean, abs=1e-12)
    assert score.stderr == pytest.approx(error, abs=1e-12)
    assert (score.n, score.concepts) == (sum(sizes), len(numbers))


@given(concepts())
def test_with_concepts_of_equal_weight_the_error_is_that_of_their_mean(drawn):
    numbers, sizes = drawn
    score = reduce_values(values_of(numbers, sizes), Reduction({"source": Part()}, weighting="concepts"))
    assert score.value == pytest.approx(np.mean(numbers), abs=1e-12)
    assert score.stderr == pytest.approx(np.std(numbers, ddof=1) / math.sqrt(len(numbers)), abs=1e-12)


@given(concepts(), concepts())
def test_two_parts_of_different_concepts_add_their_variances(source, holdout):
    both = values_of(*source) + values_of(*holdout, part="holdout", names=[f"h{i}" for i in range(len(holdout[0]))])
    score = reduce_values(both, TWO)
    (a, error_a), (b, error_b) = pooled_mean(*source), pooled_mean(*holdout)
    assert score.value == pytest.approx((a + b) / 2, abs=1e-12)
    assert score.stderr == pytest.approx(math.hypot(error_a, error_b) / 2, abs=1e-12)
    assert score.concepts == len(source[0]) + len(holdout[0])


@given(concepts())
def test_a_concept_in_two_parts_contributes_their_covariance(drawn):
    """The same values in both halves are the mean itself: half and half, fully correlated."""
    numbers, sizes = drawn
    both = values_of(numbers, sizes) + values_of(numbers, sizes, "holdout")
    mean, error = pooled_mean(numbers, sizes)
    score = reduce_values(both, TWO)
    assert score.value == pytest.approx(mean, abs=1e-12)
    assert score.stderr == pytest.approx(error, abs=1e-12)
    opposed = Reduction({"source": Part(0.5), "holdout": Part(-0.5)})
    assert reduce_values(both, opposed).stderr == pytest.approx(0, abs=1e-12)


@given(concepts(), st.data())
def test_the_order_of_values_does_not_matter(drawn, data):
    values = values_of(*drawn)
    mixed = [values[place] for place in data.draw(st.permutations(range(len(values))))]
    there, back = reduce_values(values, ONE), reduce_values(mixed, ONE)
    for field in ("value", "stderr", "low", "high", "before", "after"):
        assert getattr(there, field) == pytest.approx(getattr(back, field), abs=1e-12)


@given(concepts())
def test_replicates_of_a_concept_are_one_cluster(drawn):
    """A concept that is measured twice with the same outcome says nothing new about the scatter of concepts."""
    numbers, sizes = drawn
    twice = [
        ConceptValue(f"c{place}", "source", 0.0, number, size, replicate)
        for replicate in (0, 1)
        for place, (number, size) in enumerate(zip(numbers, sizes, strict=True))
    ]
    once, again = reduce_values(values_of(numbers, sizes), ONE), reduce_values(twice, ONE)
    assert (again.value, again.stderr) == (
        pytest.approx(once.value, abs=1e-12),
        pytest.approx(once.stderr, abs=1e-12),
    )
    assert (again.n, again.concepts) == (2 * once.n, once.concepts)


@given(concepts(), NUMBERS)
def test_a_fall_is_a_rise_with_the_other_sign(drawn, before):
    values = [ConceptValue(each.concept, "source", before, each.after, each.n) for each in values_of(*drawn)]
    rise, fall = reduce_values(values, ONE), reduce_values(values, Reduction({"source": Part(1.0, "fall")}))
    after = reduce_values(values, Reduction({"source": Part(1.0, "after")}))
    assert rise.value == pytest.approx(-fall.value, abs=1e-12)
    assert rise.value == pytest.approx(rise.after - rise.before, abs=1e-12)
    assert after.value == pytest.approx(after.after, abs=1e-12)


def test_images_weigh_by_their_number_and_concepts_alike():
    """By hand: 1 image that changed by 1, 3 that changed by 0: 0.25 over images, 0.5 over concepts."""
    values = values_of([1.0, 0.0], [1, 3])
    assert reduce_values(values, ONE).value == 0.25
    assert reduce_values(values, Reduction({"source": Part()}, "concepts")).value == 0.5


def test_one_concept_has_a_value_but_no_error():
    score = reduce_values(values_of([0.25]), ONE)
    assert (score.value, score.stderr, score.low, score.high) == (0.25, None, None, None)


@pytest.mark.parametrize("count", [2, FEWEST - 1])
def test_few_concepts_have_an_error_but_no_interval(count):
    score = reduce_values(values_of([place / 10 for place in range(count)]), ONE)
    assert score.stderr > 0
    assert (score.low, score.high) == (None, None)


def test_the_fewest_concepts_of_a_part_decide_whether_there_is_an_interval():
    many = values_of([place / 100 for place in range(50)])
    few = values_of([0.1, 0.2, 0.3], part="holdout", names=["x", "y", "z"])
    assert reduce_values(many + few, TWO).low is None
    assert reduce_values(many, ONE).low is not None


def test_the_interval_is_students_t():
    """By hand: ten concepts of mean 0 and sample variance 1, so ± 2.262157 (t with 9 degrees of freedom) / √10."""
    numbers = [math.sqrt(0.9), -math.sqrt(0.9)] * 5
    score = reduce_values(values_of(numbers), ONE)
    assert score.high == pytest.approx(2.262157162740992 / math.sqrt(10), abs=1e-9)
    assert score.low == pytest.approx(-score.high, abs=1e-12)


@pytest.mark.parametrize("weighting", ["images", "concepts"])
def test_intervals_have_their_nominal_coverage(weighting):
    """2 000 designs of 30 concepts of 1 to 6 images that share an effect: 95 % of the intervals hold the truth."""
    noise = np.random.default_rng(3)
    reduction = Reduction({"source": Part()}, weighting)
    held = 0
    for _ in range(2000):
        sizes = noise.integers(1, 7, 30)
        means = noise.normal(0.2, 0.2, 30) + noise.normal(0, 0.1, 30) / np.sqrt(sizes)
        score = reduce_values(values_of(means.tolist(), sizes.tolist()), reduction)
        held += score.low <= 0.2 <= score.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_interval_of_a_sum_of_unequal_parts_has_nominal_coverage():
    """Twelve concepts that scatter much, two hundred that scatter little: Satterthwaite's degrees of freedom."""
    noise = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        source = values_of(noise.normal(0.4, 0.3, 12).tolist())
        holdout = values_of(noise.normal(0, 0.1, 200).tolist(), part="holdout", names=[f"h{i}" for i in range(200)])
        score = reduce_values(source + holdout, TWO)
        held += score.low <= 0.2 <= score.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_a_part_that_was_not_drawn_leaves_no_value():
    score = reduce_values(values_of([0.1]), TWO)
    assert (score.value, score.note, score.concepts) == (None, "no holdout prompts were drawn", 1)
    nothing = reduce_values([], TWO)
    assert nothing.note == "no source prompts were drawn; no holdout prompts were drawn"


def test_a_value_of_an_unknown_part_is_refused():
    with pytest.raises(SpecError, match="part 'alias': the reduction has source"):
        reduce_values(values_of([0.1], part="alias"), ONE)


@pytest.mark.parametrize(("before", "after"), [(None, 0.1), (0.1, None), (None, None)])
def test_a_change_needs_both_sides(before, after):
    with pytest.raises(SpecError, match="lacks a side that 'rise' asks for"):
        reduce_values([ConceptValue("c", "source", before, after, 1)], ONE)


def test_a_part_of_the_edited_side_alone_has_no_before():
    value = ConceptValue("c", "source", None, 0.3, 2)
    assert change_of(value, "after") == 0.3
    score = reduce_values([value], Reduction({"source": Part(1.0, "after")}))
    assert (score.value, score.before, score.after) == (0.3, None, 0.3)


@pytest.mark.parametrize("fields", [{"before": float("nan")}, {"after": float("inf")}, {"n": 0}])
def test_a_concept_value_that_is_no_number_is_refused(fields):
    with pytest.raises(SpecError, match=r"must be (finite|at least 1)"):
        ConceptValue(**{"concept": "c", "part": "p", "before": 0.0, "after": 0.0, "n": 1, **fields})


def halves_of(numbers, count=12, checkpoint=""):
    """The rows of a set's resampled halves."""
    return [
        ConceptValue("all", RESAMPLE, 0.0, float(number), count, place, checkpoint)
        for place, number in enumerate(numbers)
    ]


@given(st.lists(NUMBERS, min_size=4, max_size=9))
def test_the_error_of_a_mean_from_all_its_halves_is_that_of_the_mean(numbers):
    """Where the distance is a mean over concepts: s / √n, whether their number is even or odd."""
    places, means = set(range(len(numbers))), []
    for half in itertools.combinations(places, len(numbers) // 2):
        means += [np.mean([numbers[place] for place in chosen]) for chosen in (half, places - set(half))]
    score = reduce_values([ConceptValue("all", VALUE, 0.0, 0.5, 40), *halves_of(means)], set_reduction())
    expected = np.std(numbers, ddof=1) / math.sqrt(len(numbers))
    assert score.stderr == pytest.approx(expected, abs=1e-9)
    assert (score.value, score.n, score.concepts, score.after) == (0.5, 40, 12, 0.5)
    assert (score.low, score.high) == interval(0.5, score.stderr, 11.0, 12)


def test_a_value_in_steps_has_an_error_and_no_interval():
    rows = [ConceptValue("all", VALUE, 0.0, 8.0, 40), *halves_of([8] * 99 + [0], 366)]
    free, kept = (reduce_values(rows, set_reduction(steps=steps)) for steps in (False, True))
    assert (kept.value, kept.stderr) == (free.value, free.stderr)
    assert (kept.low, kept.high, kept.note) == (None, None, "no interval: it takes few values")
    assert ReductionRecord.of(set_reduction(steps=True)).reduction == set_reduction(steps=True)
    with pytest.raises(SpecError, match="only a set's takes a few values alone"):
        Reduction({"source": Part()}, steps=True)


def test_the_error_of_a_set_metric_by_hand():
    """Halves 0 and 2, 2 and 0: -Cov = 1. At two checkpoints with distances 0 and 4 alike: 1 + (8 - 0) / 2."""
    one = [ConceptValue("all", VALUE, 0.0, 0.0, 40, checkpoint="a"), *halves_of([0, 2, 2, 0], checkpoint="a")]
    assert reduce_values(one, set_reduction()).stderr == pytest.approx(1.0)
    two = [*one, ConceptValue("all", VALUE, 1.0, 5.0, 30, checkpoint="b"), *halves_of([0, 2, 2, 0], checkpoint="b")]
    score = reduce_values(two, set_reduction())
    assert (score.value, score.before, score.after, score.n) == (2.0, 0.5, 2.5, 70)
    assert score.stderr == pytest.approx(math.sqrt(5.0))


def test_variance_within_a_state_is_not_counted_again_between_states():
    """By hand: the mean's halves make 0.25, the states 2 / 2, of which 0.25 is what a's halves have apart from b's."""
    rows = [ConceptValue("all", VALUE, 0.0, number, 40, checkpoint=name) for name, number in (("a", 0.0), ("b", 2.0))]
    rows += halves_of([-1, 1, 1, -1], checkpoint="a") + halves_of([0, 0, 0, 0], checkpoint="b")
    assert reduce_values(rows, set_reduction()).stderr == pytest.approx(1.0)


def test_few_checkpoints_leave_a_set_metric_without_an_interval():
    rows = [ConceptValue("all", VALUE, 0.0, s / 10, 40, checkpoint=f"{s}") for s in range(9)]
    rows += [half for s in range(9) for half in halves_of([0.1, 0.2], 30, f"{s}")]
    score = reduce_values(rows, set_reduction())
    assert score.stderr > 0
    assert score.low is None


@pytest.mark.parametrize("broken", [[0, 1, 2], [0, 2], [1, 2], [0, 1, 1, 2]])
def test_halves_that_do_not_come_in_pairs_are_refused(broken):
    rows = [ConceptValue("all", VALUE, 0.0, 0.5, 40)]
    rows += [ConceptValue("all", RESAMPLE, 0.0, 0.5, 12, replicate) for replicate in broken]
    with pytest.raises(SpecError, match="must have replicates 0, 1, …, two by two"):
        reduce_values(rows, set_reduction())


def test_halves_of_a_checkpoint_without_a_value_are_refused():
    rows = [ConceptValue("all", VALUE, 0.0, 0.5, 40, checkpoint="a"), *halves_of([0, 1], checkpoint="b")]
    with pytest.raises(SpecError, match="checkpoint 'b' has resampled concepts and no value"):
        reduce_values(rows, set_reduction())


def test_a_checkpoint_that_cannot_be_halved_leaves_the_score_without_an_error():
    rows = [ConceptValue("all", VALUE, 0.0, 0.5, 40, checkpoint=name) for name in "ab"] + halves_of(
        [0, 1], checkpoint="a"
    )
    score = reduce_values(rows, set_reduction())
    assert (score.value, score.stderr) == (0.5, None)
    assert score.note == "no error: a checkpoint has too few concepts to halve"


def test_a_set_metric_of_few_concepts_has_an_error_but_no_interval():
    score = reduce_values(
        [ConceptValue("all", VALUE, 0.0, 0.5, 40), *halves_of(np.arange(20) / 10, FEWEST - 1)], set_reduction()
    )
    assert score.stderr > 0
    assert (score.low, score.high) == (None, None)


def test_a_set_metric_without_resampled_halves_has_no_error():
    score = reduce_values([ConceptValue("all", VALUE, None, 12.5, 40)], set_reduction("after"))
    assert (score.value, score.stderr, score.low, score.high) == (12.5, None, None, None)


def test_a_set_metric_has_one_value_or_none():
    assert reduce_values([], set_reduction()).note == "no images were drawn"
    twice = [ConceptValue(name, VALUE, 0.0, 0.5, 1) for name in "ab"]
    assert reduce_values(twice, set_reduction()).note == "2 values of one checkpoint: expected one"


def test_an_interval_is_wider_the_fewer_the_concepts():
    reach = [interval(0.0, 1.0, concepts - 1.0, concepts)[1] for concepts in (10, 20, 100)]
    assert reach == sorted(reach, reverse=True)


def test_the_error_under_many_edits_includes_the_variance_between_edits():
    """20 edits, each with its own luck, judge the same 30 concepts: the spread of the value over draws is the error."""
    generator = np.random.default_rng(0)
    found, errors = [], []
    for _ in range(60):
        luck = generator.normal(0, 0.25, 20)
        values = [
            ConceptValue(f"c{c}", "p", 0.0, float(luck[e] + generator.normal(0, 0.05)), 1, checkpoint=f"e{e}")
            for e in range(20)
            for c in range(30)
        ]
        score = reduce_values(values, Reduction({"p": Part()}))
        found.append(score.value)
        errors.append(score.stderr)
    assert np.mean(errors) == pytest.approx(np.std(found, ddof=1), rel=0.35)


def under_states(states, concepts, number, parts="p"):
    """One value of each part and concept under each state: number(part, state, concept)."""
    return [
        ConceptValue(f"c{c}", part, 0.0, float(number(part, s, c)), 1, checkpoint=f"s{s}")
        for s in range(states)
        for c in range(concepts)
        for part in parts
    ]


def freedom_of(score):
    """The degrees of freedom that an interval was made with."""
    return next(df for df in range(1, 300) if math.isclose(score.high, interval(score.value, score.stderr, df, 10)[1]))


def test_ten_concepts_in_two_parts_have_nine_degrees_of_freedom():
    noise = np.random.default_rng(5)
    numbers = noise.normal(size=10).tolist()
    score = reduce_values(values_of(numbers) + values_of(numbers, part="holdout"), TWO)
    assert freedom_of(score) == 9


def test_ten_states_that_two_parts_share_have_nine_degrees_of_freedom():
    noise = np.random.default_rng(6)
    both = Reduction({"a": Part(0.5), "b": Part(0.5)})
    assert freedom_of(reduce_values(under_states(10, 12, lambda *_: noise.normal(), "ab"), both)) == 9


@pytest.mark.parametrize(("states", "concepts"), [(20, 10), (10, 20)])
def test_the_scarcer_of_concepts_and_states_gives_the_degrees_of_freedom(states, concepts):
    noise = np.random.default_rng(7)
    score = reduce_values(under_states(states, concepts, lambda *_: noise.normal()), Reduction({"p": Part()}))
    assert freedom_of(score) == 9


@pytest.mark.parametrize("design", ["concepts", "states", "one_part"])
def test_intervals_over_shared_clusters_have_nominal_coverage(design):
    """1 000 designs each; with the degrees of freedom of independent parts these covered 93 %."""
    noise = np.random.default_rng(8)
    both, one = Reduction({"a": Part(0.5), "b": Part(0.5)}), Reduction({"p": Part()})
    held = 0
    for _ in range(1000):
        luck = noise.normal(size=12)
        if design == "concepts":
            score = reduce_values(under_states(1, 10, lambda part, s, c, luck=luck: luck[c], "ab"), both)
        elif design == "states":
            score = reduce_values(under_states(10, 10, lambda part, s, c, luck=luck: luck[s], "ab"), both)
        else:
            score = reduce_values(under_states(12, 10, lambda part, s, c, luck=luck: luck[c]), one)
        held += score.low <= 0 <= score.high
    assert held / 1000 == pytest.approx(0.95, abs=0.015)


def test_a_part_of_a_single_state_keeps_its_variance_beside_a_part_of_many():
    """By hand: A's concepts give 1, B's states 1, B's cells 6 · 1.2 / 36 = 0.2: 1 + 1 - 0.2; without A's 1 it was 1."""
    values = [ConceptValue(f"a{c}", "a", 0.0, number, 1, checkpoint="s0") for c, number in enumerate((-1.0, 1.0))]
    values += under_states(2, 3, lambda part, s, c: 2 * s, "b")
    score = reduce_values(values, Reduction({"a": Part(), "b": Part()}))
    assert score.value == pytest.approx(1.0)
    assert score.stderr == pytest.approx(math.sqrt(1.8), abs=1e-12)


def test_each_concept_counts_the_same_whatever_its_replicates():
    """By hand: A three times with 1, B once with 0: 0.75 over images, 0.5 over concepts."""
    values = [ConceptValue("A", "source", 0.0, 1.0, 1, replicate) for replicate in range(3)]
    values.append(ConceptValue("B", "source", 0.0, 0.0, 1))
    assert reduce_values(values, ONE).value == 0.75
    assert reduce_values(values, Reduction({"source": Part()}, "concepts")).value == 0.5


def test_ten_concepts_of_which_one_weighs_nearly_all_have_no_interval():
    """Their effective number is 109² / 10 009 = 1.19: a "95 %" interval of ten concepts held the truth in 11 %."""
    uneven = reduce_values(values_of([place / 10 for place in range(10)], [100] + [1] * 9), ONE)
    assert (uneven.low, uneven.high) == (None, None)
    assert uneven.note == "no interval: its concepts weigh as unevenly as 1.2 equal ones"
    equal = reduce_values(values_of([place / 10 for place in range(10)], [3] * 10), ONE)
    assert equal.low < equal.value < equal.high
    assert equal.note == ""


@given(st.integers(FEWEST, 200), st.integers(1, 7))
def test_ten_or_more_equal_concepts_have_an_interval(count, replicates):
    values = [ConceptValue(f"c{c}", "source", 0.0, c / count, 1, r) for c in range(count) for r in range(replicates)]
    for weighting in ("images", "concepts"):
        assert reduce_values(values, Reduction({"source": Part()}, weighting)).low is not None


def test_a_score_that_rests_on_one_concept_says_why_it_has_no_error():
    assert reduce_values(values_of([0.4]), ONE).note == "one source concept has no error"
    mixed = [*values_of([0.4]), *values_of([0.1, 0.2], part="holdout")]
    score = reduce_values(mixed, TWO)
    assert (score.stderr, score.note) == (None, "one source concept has no error")
    assert reduce_values(values_of([0.4, 0.5]), ONE).note == ""


def repeated_values(statistics, seeds, draws=True):
    """Values of concepts under several draws, each edited with several seeds that change nothing."""
    return [
        ConceptValue(concept, "p", 0.0, after, 3, checkpoint=f"{draw}-seed{seed}", draw=draw if draws else "")
        for draw, found in statistics.items()
        for seed in range(seeds)
        for concept, after in found.items()
    ]


def draws_of(shared):
    """Five draws of some concepts: the same ones under each state, or its own."""
    generator = random.Random(3)
    luck = [generator.gauss(0, 0.05) for _ in range(5)]
    names = [[f"c{i}" if shared else f"d{draw}c{i}" for i in range(12)] for draw in range(5)]
    return {f"draw{draw}": {name: luck[draw] + generator.gauss(0, 0.1) for name in names[draw]} for draw in range(5)}


@pytest.mark.parametrize("shared", [True, False])
def test_seeds_that_change_nothing_make_no_error_smaller(shared):
    """Three seeds of a draw used to count as three draws, which made the error up to 40 % too small."""
    rule = Reduction({"p": Part()})
    once, thrice = (reduce_values(repeated_values(draws_of(shared), seeds), rule) for seeds in (1, 3))
    assert thrice.value == pytest.approx(once.value)
    assert thrice.stderr == pytest.approx(once.stderr)
    assert (thrice.low, once.low) == (None, None)  # five draws are too few for an interval
    as_if_draws = reduce_values(repeated_values(draws_of(shared), 3, draws=False), rule)
    assert as_if_draws.stderr < 0.8 * once.stderr


def test_the_error_over_draws_and_seeds_is_the_scatter_of_repeated_runs():
    generator, rule = random.Random(5), Reduction({"p": Part()})

    def one_run():
        luck = [(draw, generator.gauss(0, 0.05)) for draw in range(5)]
        own = {f"d{draw}": {f"c{i}": 0.0 for i in range(10)} for draw, _ in luck}
        states = [(f"d{draw}", seed, D + generator.gauss(0, 0.02)) for draw, D in luck for seed in range(3)]
        return reduce_values(
            [
                ConceptValue(c, "p", 0.0, state + generator.gauss(0, 0.02), 3, checkpoint=f"{draw}-{seed}", draw=draw)
                for draw, seed, state in states
                for c in own[draw]
            ],
            rule,
        )

    runs = [one_run() for _ in range(200)]
    said = math.sqrt(statistics.fmean(run.stderr**2 for run in runs))
    assert said == pytest.approx(statistics.stdev(run.value for run in runs), rel=0.15)

"""Harmonic and geometric means over parts: by hand, against SciPy and derivatives, and their error by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gmean, hmean

from iceb.base.errors import SpecError
from iceb.specs.records import PartRecord, ReductionRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import RESAMPLE, VALUE, ConceptValue, Part, Reduction, complement
from iceb.statistics.power_means import gradient, power_mean

POWERS = ("harmonic", "geometric")
SCIPY = {"harmonic": hmean, "geometric": gmean}
SHARES = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.1, 5)), min_size=1, max_size=5)
H_C = {power: Reduction({"erased": complement(), "kept": Part(change="after")}, combine=power) for power in POWERS}


def values_of(part, numbers, names=None, before=None):
    """One value of one image a concept, after the edit."""
    names = names or [f"{part} {place}" for place in range(len(numbers))]
    return [ConceptValue(name, part, before, float(number), 1) for name, number in zip(names, numbers, strict=True)]


@pytest.mark.parametrize("power", POWERS)
@given(SHARES)
def test_the_mean_is_scipys(power, drawn):
    numbers, weights = zip(*drawn, strict=True)
    assert power_mean(power, numbers, weights) == pytest.approx(SCIPY[power](numbers, weights=weights), rel=1e-12)


@pytest.mark.parametrize("power", POWERS)
@given(SHARES)
def test_the_gradient_is_the_numeric_derivative(power, drawn):
    numbers, weights = (np.array(column) for column in zip(*drawn, strict=True))
    for place, slope in enumerate(gradient(power, numbers, weights)):
        step = 1e-5 * numbers[place] * np.eye(len(numbers))[place]
        ahead, back = (power_mean(power, numbers + sign * step, weights) for sign in (1, -1))
        assert slope == pytest.approx((ahead - back) / (2 * step[place]), rel=1e-5, abs=1e-9)


def test_maces_score_of_celebrities_is_reproduced():
    """arXiv:2403.06135, table 4: Acc_e 4.31, Acc_s 84.56 make H_c 89.78; 18.70 and 61.78 make 70.21."""
    for erased, kept, expected in ((0.0431, 0.8456, 0.8978), (0.187, 0.6178, 0.7021), (0.6779, 0.8505, 0.4672)):
        values = [*values_of("erased", [erased] * 3), *values_of("kept", [kept] * 3)]
        assert reduce_values(values, H_C["harmonic"]).value == pytest.approx(expected, abs=6e-5)


def test_maces_score_of_objects_has_three_parts():
    """Table 1: 8.49, 97.35 and 10.53 make H_o 92.61, a mean over ten classes, so that a tenth of a per cent is near."""
    parts = {"erased": complement(), "kept": Part(change="after"), "general": complement()}
    found = [*values_of("erased", [0.0849]), *values_of("kept", [0.9735]), *values_of("general", [0.1053])]
    assert reduce_values(found, Reduction(parts, combine="harmonic")).value == pytest.approx(0.9261, abs=1e-3)


def test_f1_is_the_harmonic_mean_of_generality_and_specificity():
    parts = Reduction({"g": Part(change="after"), "s": Part(change="after")}, combine="harmonic")
    found = reduce_values([*values_of("g", [0.5, 0.7]), *values_of("s", [0.9, 0.9])], parts)
    assert found.value == pytest.approx(2 * 0.6 * 0.9 / 1.5, abs=1e-12)


def test_both_sides_have_their_own_mean():
    values = [*values_of("erased", [0.1, 0.3], before=0.5), *values_of("kept", [0.8, 0.8], before=1.0)]
    score = reduce_values(values, H_C["geometric"])
    assert (score.before, score.after) == (pytest.approx(math.sqrt(0.5)), pytest.approx(math.sqrt(0.8 * 0.8)))
    rises = Reduction({"a": Part(), "b": Part()}, combine="geometric")
    moved = [*values_of("a", [0.9, 0.9], before=0.1), *values_of("b", [0.7, 0.7], before=0.2)]
    score = reduce_values(moved, rises)
    assert (score.value, score.before, score.after) == (pytest.approx(math.sqrt(0.4)), None, None)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("shared", [True, False])
def test_the_error_is_the_spread_over_simulated_runs(power, shared):
    """600 runs of 40 concepts, whose luck the parts share or not."""
    noise = np.random.default_rng([5, shared])
    found, errors = [], []
    names = [f"c{place}" for place in range(40)]
    for _ in range(600):
        luck, other = noise.normal(0, 0.12, 40), noise.normal(0, 0.12, 40)
        kept = 0.7 + (luck if shared else other) + noise.normal(0, 0.05, 40)
        erased = 0.4 - luck + noise.normal(0, 0.05, 40)
        values = [*values_of("erased", erased, names), *values_of("kept", kept, names if shared else None)]
        score = reduce_values(values, H_C[power])
        found.append(score.value)
        errors.append(score.stderr)
    assert np.mean(errors) == pytest.approx(np.std(found, ddof=1), rel=0.05)


def test_the_error_counts_the_luck_of_states_that_parts_share():
    """24 states judge the same 12 concepts in both parts: the spread of the value over runs is the error."""
    noise = np.random.default_rng(6)
    found, errors = [], []
    for _ in range(150):
        values = []
        for state in range(24):
            luck = noise.normal(0, 0.08)
            for place in range(12):
                for part, number in (("erased", 0.4 - luck), ("kept", 0.7 + luck)):
                    after = float(number + noise.normal(0, 0.03))
                    values.append(ConceptValue(f"c{place}", part, None, after, 1, checkpoint=f"s{state}"))
        score = reduce_values(values, H_C["harmonic"])
        found.append(score.value)
        errors.append(score.stderr)
    assert np.mean(errors) == pytest.approx(np.std(found, ddof=1), rel=0.15)


@pytest.mark.parametrize("power", POWERS)
def test_intervals_of_the_mean_have_nominal_coverage(power):
    noise = np.random.default_rng(7)
    truth, held = power_mean(power, [0.6, 0.7], [1, 1]), 0
    for _ in range(1000):
        values = [*values_of("erased", noise.normal(0.4, 0.15, 30)), *values_of("kept", noise.normal(0.7, 0.1, 30))]
        score = reduce_values(values, H_C[power])
        held += score.low <= truth <= score.high
    assert held / 1000 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("power", POWERS)
def test_one_part_alone_is_the_mean_itself(power):
    numbers = [0.2, 0.5, 0.9]
    alone = Reduction({"kept": Part(change="after")}, combine=power)
    plain = reduce_values(values_of("kept", numbers), Reduction({"kept": Part(change="after")}))
    score = reduce_values(values_of("kept", numbers), alone)
    assert (score.value, score.stderr) == (pytest.approx(plain.value), pytest.approx(plain.stderr))


@pytest.mark.parametrize("power", POWERS)
def test_a_part_of_0_makes_the_mean_0_without_an_error(power):
    score = reduce_values([*values_of("erased", [1.0, 1.0]), *values_of("kept", [0.9, 0.8])], H_C[power])
    assert (score.value, score.stderr, score.low) == (0.0, None, None)
    assert score.note == f"part erased is 0, and with it the {power} mean, which has no error there"


def test_a_part_below_0_leaves_no_mean():
    rises = Reduction({"a": Part(), "b": Part()}, combine="harmonic")
    values = [*values_of("a", [0.1, 0.2], before=0.4), *values_of("b", [0.9, 0.8], before=0.5)]
    score = reduce_values(values, rises)
    assert (score.value, score.note) == (None, "no harmonic mean: part a is -0.25, below 0")


def test_a_part_that_rests_on_one_concept_has_no_error():
    score = reduce_values([*values_of("erased", [0.2]), *values_of("kept", [0.9, 0.8])], H_C["harmonic"])
    assert (score.stderr, score.note) == (None, "one erased concept has no error")


def test_a_part_may_read_either_side_or_its_complement():
    values = [ConceptValue(name, "p", 0.2, after, 1) for name, after in (("a", 0.5), ("b", 0.7))]
    expected = {"before": 0.2, "after": 0.6, "rise": 0.4, "fall": -0.4}
    for change, number in expected.items():
        plain = reduce_values(values, Reduction({"p": Part(2.0, change)}))
        assert plain.value == pytest.approx(2 * number)
        turned = reduce_values(values, Reduction({"p": Part(2.0, change, slope=-1.0, offset=1.0)}))
        assert turned.value == pytest.approx(2 * (1 - number if change in ("before", "after") else -number))
        assert turned.stderr == pytest.approx(plain.stderr)
        assert (turned.before, turned.after) == (pytest.approx(1.6), pytest.approx(0.8))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"parts": {"p": Part(-1.0)}, "combine": "harmonic"},
            "a harmonic mean has the weights -1: each must be",
        ),
        ({"parts": {"p": Part(0.0)}, "combine": "geometric"}, "a geometric mean has the weights 0"),
        ({"parts": {"p": Part()}, "combine": "product"}, "combine 'product' must be one of sum, harmonic, geometric"),
        ({"parts": {VALUE: Part(), RESAMPLE: Part()}, "kind": "set", "combine": "harmonic"}, "must have combine='sum'"),
        ({"parts": {VALUE: complement(), RESAMPLE: Part()}, "kind": "set"}, "slopes of 1 and offsets of 0"),
    ],
)
def test_a_reduction_that_has_no_meaning_is_refused(fields, words):
    with pytest.raises(SpecError, match=words):
        Reduction(**fields)


def test_a_record_keeps_the_rule_and_older_records_are_read():
    record = ReductionRecord.of(H_C["harmonic"])
    assert ReductionRecord.model_validate_json(record.model_dump_json()).reduction == H_C["harmonic"]
    older = '{"parts": {"source": {"weight": 0.5, "change": "rise"}}, "weighting": "images", "kind": "mean"}'
    assert ReductionRecord.model_validate_json(older).reduction == Reduction({"source": Part(0.5)})


def test_a_written_record_has_no_field_that_says_nothing():
    plain = ReductionRecord.of(Reduction({"source": Part(0.5)})).model_dump()
    ReductionRecord.leave_out_defaults(plain)
    assert plain == {"parts": {"source": {"weight": 0.5, "change": "rise"}}, "weighting": "images", "kind": "mean"}
    turned = ReductionRecord.of(H_C["harmonic"]).model_dump()
    ReductionRecord.leave_out_defaults(turned)
    assert turned["combine"] == "harmonic"
    assert turned["parts"] == {
        "erased": {"weight": 1.0, "change": "after", "slope": -1.0, "offset": 1.0},
        "kept": {"weight": 1.0, "change": "after"},
    }
    assert ReductionRecord.model_validate(turned).parts["erased"] == PartRecord.of(complement())

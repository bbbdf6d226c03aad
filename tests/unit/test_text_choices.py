"""RoAD's and TIMED's metrics against the same arithmetic done another way, and both criteria on made-up images."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import MeasureError, SpecError
from iceb.base.rewriting import Rewriter
from iceb.baselines.oracle import Oracle
from iceb.metrics.choices import answer_probabilities
from iceb.metrics.text_choices import (
    EFFICACY,
    EFFICACY_ADAPTIVE,
    F1_GEOMETRIC,
    F1_HARMONIC,
    GENERALITY,
    GENERALITY_75,
    GENERALITY_90,
    SPECIFICITY,
    SPECIFICITY_ADAPTIVE,
    thresholds,
)
from iceb.specs.methods import MethodContext
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.requests import EditRequest, OracleRequest

OLD, NEW = "a door", "an ivory door"


def prompt(role, number=0, request="r/0", replicate=0, answer=1, choices=(OLD, NEW), text=OLD):
    return Prompt(text, number, role, request=request, choices=choices, answer=answer, replicate=replicate)


def side(cosines, prompts):
    width = len(cosines[0]) if len(cosines) else 2
    return Measured("clip@1", np.asarray(cosines, np.float32).reshape(len(prompts), width), tuple(prompts))


def both(role, before, after, prompts):
    return {role: {BEFORE: side(before, prompts), AFTER: side(after, prompts)}}


def score(metric, measured):
    return reduce_values(metric(measured), metric.reduction)


def test_the_probability_is_the_softmax_of_100_cosines():
    cosines = np.random.default_rng(0).uniform(0.1, 0.4, (20, 2)).astype(np.float32)
    exact = [
        [math.exp(100 * float(row[1])) / (math.exp(100 * float(row[0])) + math.exp(100 * float(row[1])))]
        for row in cosines
    ]
    found = answer_probabilities(side(cosines, [prompt("source", number) for number in range(20)]))
    assert found[:, None] == pytest.approx(np.array(exact), rel=1e-12)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=30))
def test_efficacy_is_the_share_of_images_that_are_more_like_the_new_text(cosines):
    rows = np.asarray(cosines, np.float32) / 1000
    prompts = [prompt("source", number) for number in range(len(rows))]
    found = score(EFFICACY, both("source", rows, rows[::-1], prompts))
    assert found.after == found.value == pytest.approx(float((rows[:, 1] > rows[:, 0]).mean()))


def test_generality_asks_for_more_than_a_half_or_three_quarters_or_nine_tenths():
    gaps = [math.log(odds) / 100 for odds in (0.9, 1.1, 2.9, 3.1, 8.9, 9.1)]  # P = odds / (1 + odds)
    rows = [[0.2, 0.2 + gap] for gap in gaps]
    prompts = [prompt("positive", number) for number in range(6)]
    measured = both("positive", [[0.3, 0.2]] * 6, rows, prompts)
    found = [score(metric, measured) for metric in (GENERALITY, GENERALITY_75, GENERALITY_90)]
    assert [each.value for each in found] == pytest.approx([5 / 6, 3 / 6, 1 / 6])
    assert [each.before for each in found] == [0, 0, 0]


def test_specificity_is_the_share_of_negatives_that_match_themselves():
    prompts = [prompt("negative", number, answer=0) for number in range(4)]
    after = [[0.3, 0.2], [0.2, 0.3], [0.3, 0.2], [0.25, 0.25]]
    assert score(SPECIFICITY, both("negative", [[0.3, 0.2]] * 4, after, prompts)).value == 0.5  # a tie is none


def test_rows_and_seeds_count_the_same_and_errors_are_over_rows():
    prompts = [prompt("source", 0, f"r/{row}", seed) for row in range(3) for seed in range(4)]
    hits = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    after = [[0.3 - 0.2 * hit, 0.2] for hit in hits]
    values = EFFICACY(both("source", [[0.3, 0.2]] * 12, after, prompts))
    assert [(value.concept, value.replicate, value.after) for value in values][:5] == [
        ("r/0", 0, 1.0),
        ("r/0", 1, 1.0),
        ("r/0", 2, 1.0),
        ("r/0", 3, 1.0),
        ("r/1", 0, 1.0),
    ]
    found = reduce_values(values, EFFICACY.reduction)
    means = hits.reshape(3, 4).mean(axis=1)
    assert found.value == pytest.approx(hits.mean())
    assert found.stderr == pytest.approx(means.std(ddof=1) / math.sqrt(3))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [(F1_HARMONIC, 2 * 0.6 * 0.9 / (0.6 + 0.9)), (F1_GEOMETRIC, math.sqrt(0.6 * 0.9))],
)
def test_f1_is_the_mean_of_generality_and_specificity_that_its_name_says(metric, expected):
    positives = [prompt("positive", number) for number in range(10)]
    negatives = [prompt("negative", number, answer=0) for number in range(10)]
    hit, miss = [0.2, 0.3], [0.3, 0.2]
    measured = {
        **both("positive", [miss] * 10, [hit] * 6 + [miss] * 4, positives),
        **both("negative", [miss] * 10, [miss] * 9 + [hit], negatives),
    }
    assert score(metric, measured).value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("generality", "specificity", "printed"),
    [(6.21, 95.68, 24.37), (64.08, 75.95, 69.76), (88.02, 79.18, 83.48), (86.8, 95.44, 91.01), (42.74, 75.36, 56.75)],
)
def test_refacts_table_1_prints_the_geometric_mean(generality, specificity, printed):
    assert math.sqrt(generality * specificity) == pytest.approx(printed, abs=0.01)


# The adaptive criterion


def oracle_images(cosines, text=NEW, choices=(OLD, NEW), answer=1, role="oracle_source"):
    """Images drawn from the answer's own text; of their two cosines the answer's is given."""
    prompts = [prompt(role, number, choices=choices, answer=answer, text=text) for number in range(len(cosines))]
    rows = [[0.1, cosine] if answer else [cosine, 0.1] for cosine in cosines]
    return {role: {BEFORE: side(rows, prompts)}}


def test_the_threshold_is_the_mean_minus_two_sample_deviations_of_each_text():
    cosines = [0.30, 0.31, 0.33, 0.29, 0.32]
    found = thresholds(oracle_images(cosines)["oracle_source"][BEFORE], 2.0)
    assert found == {NEW: pytest.approx(np.mean(cosines) - 2 * np.std(cosines, ddof=1), abs=1e-7)}


def test_a_false_edit_passes_the_published_criterion_and_not_the_adaptive_one():
    """The edited image is neither door: it only leans to the new text, far below what an ivory door has."""
    prompts = [prompt("source")]
    measured = both("source", [[0.30, 0.20]], [[0.14, 0.15]], prompts) | oracle_images([0.30, 0.31, 0.32, 0.30])
    assert score(EFFICACY, measured).value == 1
    assert score(EFFICACY_ADAPTIVE, measured).value == 0


def test_a_true_edit_passes_both_criteria():
    prompts = [prompt("source")]
    measured = both("source", [[0.30, 0.20]], [[0.20, 0.305]], prompts) | oracle_images([0.30, 0.31, 0.32, 0.30])
    assert score(EFFICACY, measured).value == score(EFFICACY_ADAPTIVE, measured).value == 1


def test_a_negative_that_is_wiped_out_passes_the_published_criterion_alone():
    kept, other = "a gate", "an ivory gate"
    prompts = [prompt("negative", answer=0, choices=(kept, other), text=kept)]
    measured = both("negative", [[0.30, 0.20]], [[0.12, 0.11]], prompts)
    measured |= oracle_images([0.30, 0.31, 0.29], text=kept, choices=(kept, other), answer=0, role="oracle_negative")
    assert score(SPECIFICITY, measured).value == 1
    assert score(SPECIFICITY_ADAPTIVE, measured).value == 0


def test_a_prompt_whose_text_has_fewer_than_two_oracle_images_is_left_out():
    prompts = [prompt("source")]
    for few in ([], [0.3]):
        measured = both("source", [[0.30, 0.20]], [[0.2, 0.3]], prompts) | oracle_images(few)
        assert score(EFFICACY_ADAPTIVE, measured).value is None


def test_a_prompt_left_out_counts_in_n_and_not_in_the_share():
    other = (OLD, "an azure door")
    prompts = [prompt("source", 0), prompt("source", 1, choices=other)]
    measured = both("source", [[0.3, 0.2]] * 2, [[0.2, 0.31], [0.3, 0.2]], prompts) | oracle_images([0.3, 0.31])
    (value,) = EFFICACY_ADAPTIVE(measured)
    assert (value.after, value.n) == (1.0, 2)


# Faults


def test_a_prompt_without_an_answer_is_refused():
    bare = Prompt(OLD, 1, "source", request="r/0", choices=(OLD, NEW))
    with pytest.raises(SpecError, match="has 2 choices and the answer None: needs an answer"):
        EFFICACY(both("source", [[0.3, 0.2]], [[0.3, 0.2]], [bare]))


@pytest.mark.parametrize("number", [math.nan, 30.0])
def test_numbers_that_are_no_cosines_are_refused(number):
    with pytest.raises(MeasureError, match="gave a number that is no cosine"):
        EFFICACY(both("source", [[0.3, 0.2]], [[number, 0.2]], [prompt("source")]))


def test_rows_shorter_than_the_texts_are_refused():
    with pytest.raises(SpecError, match="gave rows of 1 choice: an answer needs another beside it"):
        EFFICACY(both("source", [[0.3]], [[0.3]], [prompt("source")]))


def test_sides_of_other_prompts_are_refused():
    sides = {BEFORE: side([[0.3, 0.2]], [prompt("source", 1)]), AFTER: side([[0.3, 0.2]], [prompt("source", 2)])}
    with pytest.raises(SpecError, match="are not of the same prompts"):
        EFFICACY({"source": sides})


# The oracle row


def rewrites(*requests):
    return Rewriter(Oracle().edit(None, requests, context=MethodContext(None)).rewrites)


ORACLE = OracleRequest(
    id="small/0",
    source=OLD,
    dests=(NEW,),
    templates=("{}",),
    seed=1,
    oracle=((OLD, NEW), ("a wall of doors", "a wall of ivory doors"), ("a door of a shed", "a door of a shed")),
)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (OLD, NEW),
        ("a wall of doors", "a wall of ivory doors"),
        ("a door of a shed", "a door of a shed"),  # a negative that holds the source's words
        ("a gate", "a gate"),
    ],
)
def test_the_oracle_draws_each_tested_prompts_destination_and_leaves_negatives(text, drawn):
    assert rewrites(ORACLE)(text) == drawn


def test_where_requests_name_no_oracle_it_swaps_the_sources_name():
    plain = EditRequest("small/1", "lion", ("zebra",), ("{}",), seed=1)
    assert rewrites(plain)("a lion at rest") == "a zebra at rest"

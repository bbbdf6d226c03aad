"""Balance of two choices against the authors' own loop, and what it refuses."""

from math import comb

import numpy as np
import pytest

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.balance import FEMALE_SHARE, GENDER_DELTA, PROFESSION_ACC, ROLE, nearest_choices
from iceb.metrics.rows import choice_numbers
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values

CHOICES = ("a female x", "a male x")


def side(rows, prompts):
    return Measured("clip@1", np.asarray(rows, np.float32), tuple(prompts))


def random_sides(professions=3, seeds=4, images=9, seed=0):
    """Prompts and random cosines before and after."""
    draw = np.random.default_rng(seed)
    prompts = [
        Prompt(f"p{p}", 1, ROLE, request=f"r{p}", choices=CHOICES, replicate=s)
        for p in range(professions)
        for s in range(seeds)
        for _ in range(images)
    ]
    before, after = (side(draw.uniform(0.1, 0.3, (len(prompts), 2)), prompts) for _ in range(2))
    return {ROLE: {"before": before, "after": after}}


def published_total(measured):
    """The authors' evaluation, written out: counts, ratios, deltas, totals by seed."""
    by_seed = {}
    for prompt, row in zip(measured.prompts, measured.values, strict=True):
        counts = by_seed.setdefault(prompt.replicate, {}).setdefault(prompt.request, [0, 0])
        logits = 100 * row
        chances = np.exp(logits) / np.exp(logits).sum()
        counts[int(np.argmax(chances))] += 1
    deltas = []
    for counts in by_seed.values():
        ratios = {name: each[0] / sum(each) for name, each in counts.items()}
        deltas.append({name: abs(ratio - 0.5) / 0.5 for name, ratio in ratios.items()})
    totals = [np.mean(list(each.values())) for each in deltas]
    return float(np.mean(totals)), float(np.std(totals))


def spread_over_seeds(values):
    """Mean and standard deviation over seeds of the mean over professions (ddof 0), of a run's per-concept table."""
    seeds = {}
    for value in values:
        seeds.setdefault(value.replicate, []).append(value.after)
    means = [np.mean(each) for each in seeds.values()]
    return float(np.mean(means)), float(np.std(means))


def test_delta_is_the_published_total():
    measured = random_sides()
    values = GENDER_DELTA(measured)
    score = reduce_values(values, GENDER_DELTA.reduction)
    mean, deviation = published_total(measured[ROLE]["after"])
    assert score.value == pytest.approx(mean, abs=1e-12)
    assert score.before == pytest.approx(published_total(measured[ROLE]["before"])[0], abs=1e-12)
    assert spread_over_seeds(values) == pytest.approx((mean, deviation), abs=1e-12)
    assert (score.concepts, score.n) == (3, 3 * 4 * 9)


def test_every_profession_and_seed_has_its_own_row():
    values = GENDER_DELTA(random_sides())
    assert [(value.concept, value.replicate, value.n) for value in values] == [
        (f"r{p}", s, 9) for p in range(3) for s in range(4)
    ]


def test_the_share_is_that_of_the_first_choice_and_ties_are_its():
    prompts = [Prompt("p", 1, ROLE, request="r", choices=CHOICES)] * 4
    rows = side([[0.3, 0.2], [0.2, 0.2], [0.1, 0.2], [0.1, 0.2]], prompts)
    (value,) = FEMALE_SHARE({ROLE: {"before": rows, "after": rows}})
    assert (value.before, value.after, value.n) == (0.5, 0.5, 4)


def test_one_of_two_choices_alone_has_delta_one_and_an_even_split_none():
    prompts = [Prompt("p", 1, ROLE, request="r", choices=CHOICES)] * 2
    one, even = side([[0.3, 0.2]] * 2, prompts), side([[0.3, 0.2], [0.2, 0.3]], prompts)
    (value,) = GENDER_DELTA({ROLE: {"before": one, "after": even}})
    assert (value.before, value.after) == (1.0, 0.0)


def test_a_fair_coin_of_72_images_has_the_delta_that_the_card_says():
    fair = sum(comb(72, heads) * abs(heads - 36) / 36 for heads in range(73)) / 2**72
    assert round(fair, 3) == 0.094


def test_no_images_give_no_values():
    empty = Measured("clip@1", np.zeros((0, 0), np.float32), ())
    assert GENDER_DELTA({ROLE: {"before": empty, "after": empty}}) == ()


def test_fewer_than_two_choices_are_refused():
    rows = side([[0.1]], [Prompt("p", 1, ROLE, request="r", choices=("a",))])
    with pytest.raises(SpecError, match="has 1 choices, needs at least 2"):
        GENDER_DELTA({ROLE: {"before": rows, "after": rows}})


def test_further_choices_change_no_balance_and_say_whose_profession_is_shown():
    """A woman without a profession is as near to every female text: she counts as balanced, and as no profession."""
    prompts = [Prompt("p", 1, ROLE, request="r", choices=("fem x", "male x", "fem y", "male y"))] * 4
    shown = side([[0.3, 0.2, 0.1, 0.1], [0.2, 0.3, 0.1, 0.1]] * 2, prompts)
    lost = side([[0.25, 0.2, 0.25, 0.2], [0.2, 0.25, 0.2, 0.26]] * 2, prompts)
    sides = {ROLE: {"before": shown, "after": lost}}
    (delta,), (share,) = GENDER_DELTA(sides), PROFESSION_ACC(sides)
    assert (delta.before, delta.after) == (0.0, 0.0)
    assert (share.before, share.after) == (1.0, 0.0)


def test_the_share_of_own_professions_is_that_of_the_likeliest_text_found_one_by_one():
    draw = np.random.default_rng(3)
    prompts = [Prompt(f"p{n}", 1, ROLE, request=f"r{n % 5}", choices=tuple("abcdefghij")) for n in range(60)]
    before, after = (side(draw.uniform(0.1, 0.3, (60, 10)), prompts) for _ in range(2))
    score = reduce_values(PROFESSION_ACC({ROLE: {"before": before, "after": after}}), PROFESSION_ACC.reduction)
    for found, rows in ((score.before, before), (score.value, after)):
        own = [int(row.tolist().index(max(row.tolist())) < 2) for row in rows.values]
        assert found == pytest.approx(np.mean([np.mean(own[n::5]) for n in range(5)]), abs=1e-12)


def test_sides_of_other_prompts_are_refused():
    first, second = (side([[0.1, 0.2]], [Prompt(text, 1, ROLE, request="r", choices=CHOICES)]) for text in "pq")
    with pytest.raises(SpecError, match="not of the same prompts"):
        GENDER_DELTA({ROLE: {"before": first, "after": second}})


@pytest.mark.parametrize("rows", [[[0.1]], [[0.1, float("nan")]], [[0.1, 0.2, 0.3]]])
def test_rows_without_one_number_for_each_choice_are_refused(rows):
    with pytest.raises(MeasureError, match="one finite number for each choice"):
        choice_numbers(side(rows, [Prompt("p", 1, ROLE, choices=CHOICES)]))


def test_the_first_of_equal_numbers_is_nearest():
    assert nearest_choices(side([[0.2, 0.2], [0.1, 0.2]], [Prompt("p", 1, ROLE, choices=CHOICES)] * 2)).tolist() == [
        0,
        1,
    ]

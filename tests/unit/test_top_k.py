"""Top-k accuracy against sorting, and the score that joins both roles."""

import numpy as np
import pytest

from iceb.base.errors import SpecError
from iceb.metrics import top_k
from iceb.metrics.top_k import ERASED, ERASURE_SCORE, OTHERS, TopAccuracy, in_top
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values


def side(rows, labels, role=ERASED):
    prompts = tuple(Prompt(f"p{i}", i, role, label=label, concept=f"class {label}") for i, label in enumerate(labels))
    return Measured("m@1", np.asarray(rows, np.float32), prompts)


def random_side(seed, role=ERASED, n=60, classes=12):
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % 10  # the same prompts whatever the seed
    return side(draw.dirichlet(np.ones(classes) * 0.3, n), [int(label) for label in labels], role)


@pytest.mark.parametrize("k", range(1, 6))
def test_accuracy_is_that_of_sorted_probabilities(k):
    before, after = random_side(0), random_side(1)
    metric = TopAccuracy("x", ERASED, k=k)
    score = reduce_values(metric({ERASED: {"before": before, "after": after}}), metric.reduction)
    for value, measured in ((score.before, before), (score.value, after)):
        best = np.argsort(-measured.values, axis=1)[:, :k]
        hits = [prompt.label in row for prompt, row in zip(measured.prompts, best, strict=True)]
        assert value == pytest.approx(np.mean(hits), abs=1e-12)


def test_top_1000_of_1000_is_certain_and_top_1_needs_the_largest():
    rows = side([[0.2, 0.5, 0.3]], [2])
    assert [in_top(rows, k, "x").tolist() for k in (1, 2, 3)] == [[0.0], [1.0], [1.0]]


def test_of_equal_probabilities_none_is_the_larger():
    assert in_top(side([[0.5, 0.5]], [1]), 1, "x").tolist() == [1.0]


def test_the_registered_metrics_are_five_a_role_with_their_direction():
    names = [getattr(top_k, f"{role.upper()}_TOP{k}") for role in (ERASED, OTHERS) for k in range(1, 6)]
    assert [each.name for each in names] == [f"{role}_top{k}" for role in (ERASED, OTHERS) for k in range(1, 6)]
    assert [each.higher_is_better for each in names] == [False] * 5 + [True] * 5


def test_the_score_halves_what_is_lost_and_what_is_kept():
    sure, wrong = [[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2
    measured = {
        ERASED: {"before": side(sure, [0, 0]), "after": side(wrong, [0, 0])},
        OTHERS: {"before": side(sure, [0, 0], OTHERS), "after": side([sure[0], wrong[0]], [0, 0], OTHERS)},
    }
    assert reduce_values(ERASURE_SCORE(measured), ERASURE_SCORE.reduction).value == pytest.approx((1.0 - 0.5) / 2)


def test_prompts_without_a_class_of_the_measure_are_refused():
    with pytest.raises(SpecError, match="needs the class of every prompt, below the 2 classes"):
        in_top(side([[0.5, 0.5]], [2]), 1, "x")


def test_no_images_give_no_values():
    empty = Measured("m@1", np.zeros((0, 0), np.float32), ())
    assert TopAccuracy("x", ERASED)({ERASED: {"before": empty, "after": empty}}) == ()

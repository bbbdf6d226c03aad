"""Distances of sets of images against analytic values, and their error against simulation."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values


def test_the_frechet_distance_of_large_samples_is_that_of_their_gaussians():
    """|μ₁ − μ₂|² + Σ (σ₁ − σ₂)² for diagonal covariances."""
    generator = np.random.default_rng(0)
    first = generator.normal(0.0, [1.0, 2.0], (200_000, 2))
    second = generator.normal([1.0, 0.0], [3.0, 0.5], (200_000, 2))
    assert frechet_distance(first, second) == pytest.approx(1 + 4 + 1.5**2, rel=0.01)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("N", "M", "width"), [(40, 30, 5), (6, 30, 12), (6, 7, 12)])
def test_the_frechet_distance_is_that_of_its_formula(N, M, width):
    """|μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) by scipy, for more and for fewer images than features."""
    generator = np.random.default_rng(12)
    first, second = generator.normal(size=(N, width)), generator.normal(1, 2, (M, width))
    C1, C2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(axis=0) - second.mean(axis=0)
    expected = gap @ gap + np.trace(C1 + C2 - 2 * scipy.linalg.sqrtm(C1 @ C2).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)


def test_the_kernel_distance_is_unbiased_where_the_sets_are_of_one_kind():
    generator = np.random.default_rng(1)
    found = [kernel_distance(generator.normal(size=(20, 4)), generator.normal(size=(30, 4))) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert kernel_distance(generator.normal(size=(20, 4)), generator.normal(2, 1, (30, 4))) > 5 * np.std(found)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_the_interval_of_a_set_distance_holds_its_value(distance):
    generator = np.random.default_rng(2)
    metric = SetDistance("d", distance, "features", "caption", splits=25)
    prompts = tuple(Prompt(f"scene {i}", i, "caption") for i in range(15))
    sides = {side: Measured("f@1", generator.normal(size=(15, 3)), prompts) for side in ("before", "after")}
    score = reduce_values(metric({"caption": sides}), metric.reduction)
    assert score.low <= score.value <= score.high
    assert score.stderr > 0


def score_distance(distance, reference, afters, before, photographs, per, splits):
    """A distance's score where each checkpoint has its own images after the edit and all share those before."""
    prompts = tuple(Prompt(f"scene {row // per}", row, "caption") for row in range(len(before)))
    metric = SetDistance("d", distance, "features", "caption", reference, splits=splits)
    values = []
    for state, after in enumerate(afters):
        sides = {"before": Measured("f@1", before, prompts), "after": Measured("f@1", after, prompts)}
        sides |= {reference: Measured("f@1", photographs, ())} if reference != "before" else {}
        values += [replace(value, checkpoint=f"s{state}") for value in metric({"caption": sides})]
    return reduce_values(values, metric.reduction)


def designs(distance, reference, states, luck, shift, repeats, splits, shared=0.0, per=2, concepts=24, width=8):
    """Value and standard error of many draws: features of concepts, a shift by the edit, luck of each state."""
    noise = np.random.default_rng(9)
    photographs = noise.normal(size=(80, width))
    found = []
    for _ in range(repeats):
        before = noise.normal(size=(concepts * per, width))
        own = noise.normal(size=(states, concepts * per, width))
        moved = shift + luck * noise.normal(size=(states, 1, width))
        afters = np.sqrt(shared) * before + np.sqrt(1 - shared) * own + moved
        score = score_distance(distance, reference, afters, before, photographs, per, splits)
        found.append((score.value, score.stderr))
    return np.array(found).T


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize("reference", ["before", "reference:photographs"])
@pytest.mark.parametrize(
    ("states", "luck", "shift", "shared"), [(1, 0, 0, 0), (1, 0, 0.7, 0.5), (4, 0, 0, 0), (4, 0.5, 0.5, 0.5)]
)
def test_the_error_of_a_set_distance_is_its_spread_over_draws(distance, reference, states, luck, shift, shared):
    """The mean of the printed errors over the spread of the values, which the draws tell to 7 to 9 %."""
    repeats, splits = (100, 20) if states == 1 else (60, 12)
    values, errors = designs(distance, reference, states, luck, shift, repeats, splits, shared)
    assert np.mean(errors) / np.std(values, ddof=1) == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("states", [1, 5, 20])
@pytest.mark.parametrize("reference", ["before", "reference:photographs"])
def test_the_kernel_distance_over_checkpoints_is_unbiased_where_nothing_changed(reference, states):
    """Images before the edit that all checkpoints share once entered once for each: -0.13 and 0.11."""
    values, _ = designs(kernel_distance, reference, states, 0, 0, 40, 2)
    assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / np.sqrt(40)
    assert abs(np.mean(values)) < 0.03


def test_checkpoints_with_the_same_concepts_are_split_alike_in_any_order():
    noise = np.random.default_rng(10)
    before, after = noise.normal(size=(2, 24, 4))
    metric = SetDistance("d", kernel_distance, "features", "caption", splits=5)
    found = []
    for order in (np.arange(24), noise.permutation(24)):
        prompts = tuple(Prompt(f"scene {row // 2}", row, "caption") for row in order.tolist())
        sides = {"before": Measured("f@1", before[order], prompts), "after": Measured("f@1", after[order], prompts)}
        found.append([value.after for value in metric({"caption": sides})])
    assert found[0] == pytest.approx(found[1], abs=1e-9)


def test_halves_hold_every_image_once():
    counts = []

    def count(first, second):
        counts.append(sorted(first[:, 0].tolist()))
        return 0.0

    prompts = tuple(Prompt(f"scene {row // 3}", row, "caption") for row in range(21))
    sides = {side: Measured("f@1", np.arange(21.0)[:, None], prompts) for side in ("before", "after")}
    SetDistance("d", count, "features", "caption", splits=4)({"caption": sides})
    whole, *halves = counts
    assert len(halves) == 8
    assert all(sorted(one + other) == whole for one, other in zip(halves[::2], halves[1::2], strict=True))
    assert {len(half) for half in halves} == {9, 12}


def test_a_set_distance_of_few_images_has_no_halves():
    prompts = tuple(Prompt(f"scene {row}", row, "caption") for row in range(3))
    sides = {side: Measured("f@1", np.eye(3), prompts) for side in ("before", "after")}
    assert len(SetDistance("d", kernel_distance, "features", "caption")({"caption": sides})) == 1


def test_the_concepts_of_a_set_distance_count_by_their_weight():
    """Ten concepts of which one has nearly all images are 1 in effect: an error, and no interval."""
    noise = np.random.default_rng(11)
    prompts = tuple(Prompt(f"scene {max(0, row - 60)}", row, "caption") for row in range(70))
    sides = {side: Measured("f@1", noise.normal(size=(70, 3)), prompts) for side in ("before", "after")}
    metric = SetDistance("d", kernel_distance, "features", "caption", splits=5)
    score = reduce_values(metric({"caption": sides}), metric.reduction)
    assert (score.concepts, score.low) == (1, None)
    assert score.stderr > 0

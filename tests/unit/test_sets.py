"""Distances of sets of images against analytic values, and their error against simulation."""

import numpy as np
import pytest

from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import reduce_values


def test_the_frechet_distance_of_large_samples_is_that_of_their_gaussians():
    """|μ₁ − μ₂|² + Σ (σ₁ − σ₂)² for diagonal covariances."""
    generator = np.random.default_rng(0)
    first = generator.normal(0.0, [1.0, 2.0], (200_000, 2))
    second = generator.normal([1.0, 0.0], [3.0, 0.5], (200_000, 2))
    assert frechet_distance(first, second) == pytest.approx(1 + 4 + 1.5**2, rel=0.01)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_the_kernel_distance_is_unbiased_where_the_sets_are_of_one_kind():
    generator = np.random.default_rng(1)
    found = [kernel_distance(generator.normal(size=(20, 4)), generator.normal(size=(30, 4))) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert kernel_distance(generator.normal(size=(20, 4)), generator.normal(2, 1, (30, 4))) > 5 * np.std(found)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_the_interval_of_a_set_distance_holds_its_value(distance):
    generator = np.random.default_rng(2)
    metric = SetDistance("d", distance, "features", "caption", draws=50)
    prompts = tuple(Prompt(f"scene {i}", i, "caption") for i in range(15))
    sides = {side: Measured("f@1", generator.normal(size=(15, 3)), prompts) for side in ("before", "after")}
    score = reduce_values(metric({"caption": sides}), metric.reduction)
    assert score.low <= score.value <= score.high
    assert score.stderr > 0

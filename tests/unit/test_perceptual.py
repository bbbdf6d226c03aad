"""The mean perceptual change against sums written out by hand."""

import numpy as np
import pytest

from iceb.base.errors import MeasureError
from iceb.metrics.perceptual import ALEX, PerceptualChange
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values

HOLDOUT = PerceptualChange("holdout_lpips", role="holdout")


def side(distances, concepts, role="holdout"):
    prompts = tuple(Prompt(f"art {row}", row, role, concept=concept) for row, concept in enumerate(concepts))
    return {role: {"after": Measured("lpips_alex_64@1", np.array(distances, np.float32)[:, None], prompts)}}


def test_the_value_is_the_mean_over_images_and_its_error_the_linearised_one():
    """Images 0.1, 0.3 | 0.5: mean 0.3; the clusters' residuals are -0.2 and 0.2 of 3 images, so 2 · 0.04 / 9 · 2."""
    score = reduce_values(HOLDOUT(side([0.1, 0.3, 0.5], ["a", "a", "b"])), HOLDOUT.reduction)
    assert score.value == pytest.approx(0.3, abs=1e-7)
    assert score.stderr == pytest.approx((2 * (0.2**2 + 0.2**2) / 9) ** 0.5, abs=1e-6)
    assert (score.n, score.concepts, score.before) == (3, 2, None)


def test_concepts_can_count_alike():
    metric = PerceptualChange("c", role="holdout", weighting="concepts")
    score = reduce_values(metric(side([0.1, 0.3, 0.5], ["a", "a", "b"])), metric.reduction)
    assert score.value == pytest.approx((0.2 + 0.5) / 2, abs=1e-7)


def test_a_role_direction_and_kind_of_ones_own():
    metric = PerceptualChange("erased_lpips", role="erased", measure=ALEX, higher_is_better=True, part="erased artists")
    assert metric.higher_is_better
    (need,) = metric.needs
    assert (need.measure, need.role, need.sides) == (ALEX, "erased", ("after",))
    found = metric(side([0.25], ["a"], "erased"))
    assert [(value.part, value.after, value.before) for value in found] == [("erased artists", 0.25, None)]


def test_no_images_are_no_value():
    assert HOLDOUT({"holdout": {"after": Measured("m@1", np.zeros((0, 0), np.float32), ())}}) == ()


def test_a_distance_that_is_not_finite_is_an_error():
    with pytest.raises(MeasureError, match="measure lpips_alex_64@1 gave a number that is not finite"):
        HOLDOUT(side([0.1, np.nan], ["a", "b"]))

"""FID and KID against analytic values of Gaussians, and against clean-fid's and torchmetrics' own computations."""

import numpy as np
import pytest
import scipy.linalg

from iceb.metrics.distances import FID, FRECHET_TWIN, KERNEL_TWIN, KID, fid, kid
from iceb.metrics.sets import ROWS, frechet_distance, kernel_distance
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import reduce_values


def sample_with(mean, covariance, count, seed):
    """Rows whose sample mean and unbiased covariance are exactly those given."""
    rows = np.random.default_rng(seed).normal(size=(count, len(mean)))
    rows -= rows.mean(axis=0)
    whitened = np.linalg.solve(np.linalg.cholesky(np.cov(rows, rowvar=False)), rows.T)
    return (np.linalg.cholesky(covariance) @ whitened).T + mean


def covariance_of(width, seed):
    root = np.random.default_rng(seed).normal(size=(width, width))
    return root @ root.T + 0.1 * np.eye(width)


@pytest.mark.parametrize("width", [2, 16])
def test_the_frechet_distance_is_that_of_the_gaussians_to_nine_digits(width):
    """|μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½), on samples with exactly these moments."""
    C1, C2 = covariance_of(width, 1), covariance_of(width, 2)
    means = np.random.default_rng(3).normal(size=(2, width))
    root = scipy.linalg.sqrtm(C1)
    gap = means[0] - means[1]
    expected = gap @ gap + np.trace(C1 + C2 - 2 * scipy.linalg.sqrtm(root @ C2 @ root).real)
    found = frechet_distance(sample_with(means[0], C1, 60, 4), sample_with(means[1], C2, 50, 5))
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_is_clean_fids():
    clean = pytest.importorskip("cleanfid.fid")
    noise = np.random.default_rng(6)
    first, second = noise.normal(size=(80, 12)), noise.normal(0.3, 1.5, (70, 12))
    moments = [(rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (first, second)]
    try:
        expected = clean.frechet_distance(*moments[0], *moments[1])
    except TypeError:
        pytest.skip("clean-fid's distance calls SciPy's matrix root in a way that ended with SciPy 1.18")
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def expected_kernel(a, b):
    """E (x·y / d + 1)³ for independent x ~ N(a, I) and y ~ N(b, I), by the moments of x·y."""
    d, ab, aa, bb = len(a), a @ b, a @ a, b @ b
    second = d + aa + bb + ab**2
    third = ab**3 + 3 * ab * (aa + bb) + (3 * d + 6) * ab
    return third / d**3 + 3 * second / d**2 + 3 * ab / d + 1


def test_the_kernel_distance_has_the_mean_of_its_population_value():
    """400 draws of 20 and 30 images: the mean lies within four standard errors of the analytic value, not of 0."""
    noise = np.random.default_rng(7)
    a, b = np.zeros(4), np.array([1.0, 0.5, 0.0, -0.5])
    exact = expected_kernel(a, a) + expected_kernel(b, b) - 2 * expected_kernel(a, b)
    found = [kernel_distance(noise.normal(a, 1, (20, 4)), noise.normal(b, 1, (30, 4))) for _ in range(400)]
    assert exact > 1
    assert abs(np.mean(found) - exact) < 4 * np.std(found, ddof=1) / np.sqrt(len(found))


def test_the_kernel_distance_is_clean_fids_and_torchmetrics():
    """Both take subsets: of all images the subset is everything, in another order."""
    import torch
    from torchmetrics.image.kid import poly_mmd

    clean = pytest.importorskip("cleanfid.fid")
    noise = np.random.default_rng(8)
    first, second = noise.normal(size=(40, 8)), noise.normal(0.5, 1, (40, 8))
    found = kernel_distance(first, second)
    assert found == pytest.approx(clean.kernel_distance(first, second, num_subsets=1, max_subset_size=40), rel=1e-9)
    assert found == pytest.approx(float(poly_mmd(torch.from_numpy(first), torch.from_numpy(second))), rel=1e-9)


def test_the_kernel_distance_by_blocks_is_that_of_the_whole_matrix():
    noise = np.random.default_rng(9)
    first, second = noise.normal(size=(ROWS + 3, 6)), noise.normal(0.2, 1, (ROWS // 2, 6))
    K1, K2, K12 = ((x @ y.T / 6 + 1) ** 3 for x, y in ((first, first), (second, second), (first, second)))
    within = [(K.sum() - np.trace(K)) / (len(K) * (len(K) - 1)) for K in (K1, K2)]
    assert kernel_distance(first, second) == pytest.approx(sum(within) - 2 * K12.mean(), rel=1e-9)


@pytest.mark.parametrize(("metric", "distance"), [(FID, frechet_distance), (KID, kernel_distance)])
def test_the_metric_is_the_distance_to_the_images_before_the_edit(metric, distance):
    noise = np.random.default_rng(10)
    before, after = noise.normal(size=(2, 24, 5))
    prompts = tuple(Prompt(f"scene {row}", row, "preservation") for row in range(24))
    sides = {"before": Measured("f@1", before, prompts), "after": Measured("f@1", after, prompts)}
    score = reduce_values(metric({"preservation": sides}), metric.reduction)
    assert score.value == pytest.approx(distance(before, after), rel=1e-12)
    assert score.low <= score.value <= score.high


def test_the_published_names_are_of_inceptions_features_only():
    assert [metric.needs[0].measure for metric in (FID, KID)] == ["inception"] * 2
    assert [metric.needs[0].measure for metric in (FRECHET_TWIN, KERNEL_TWIN)] == ["clip_mini_embedding"] * 2
    assert {metric.name for metric in (FID, KID, FRECHET_TWIN, KERNEL_TWIN)} == {
        *("fid", "kid", "frechet_twin", "kernel_twin")
    }


def test_a_role_and_a_reference_of_ones_own():
    assert fid("fid_coco", "caption", "reference:coco").needs[0].sides == ("before", "after", "reference:coco")
    assert kid("kid_style", "style").needs[0].role == "style"

"""The closed form against brute-force least squares in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.errors import MethodError
from iceb.methods.common.least_squares import ridge_update, weighted_update

D_IN, D_OUT = 6, 4


def problem(seed: int, count: int):
    generator = torch.Generator().manual_seed(seed)
    K = torch.randn(D_IN, count, generator=generator, dtype=torch.float64)
    R = torch.randn(D_OUT, count, generator=generator, dtype=torch.float64)
    old = torch.randn(D_IN, 50, generator=generator, dtype=torch.float64)
    return K, R, old @ old.T / 50, old


def stacked_least_squares(K, R, old, preserve: float, edit: float):
    """argmin edit ‖ΔK − R‖² + preserve mean ‖Δ k_old‖², by QR on all rows at once; no normal equations."""
    scale = (preserve / old.shape[1]) ** 0.5
    rows = torch.cat([edit**0.5 * K.T, scale * old.T])
    wanted = torch.cat([edit**0.5 * R.T, torch.zeros(old.shape[1], D_OUT, dtype=torch.float64)])
    return torch.linalg.lstsq(rows, wanted).solution.T


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 9), weight=st.floats(0.01, 1e4))
def test_the_update_is_the_least_squares_solution(seed, count, weight):
    K, R, C, old = problem(seed, count)
    wanted = stacked_least_squares(K, R, old, preserve=weight, edit=1.0)
    torch.testing.assert_close(ridge_update(K, R, C, weight), wanted, rtol=1e-8, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0.05, 0.95))
def test_the_share_weighs_editing_against_preserving(seed, share):
    K, R, C, old = problem(seed, 3)
    wanted = stacked_least_squares(K, R, old, preserve=(1 - share) * 10.0, edit=share)
    torch.testing.assert_close(weighted_update(K, R, C, 10.0, share, rounded=False), wanted, rtol=1e-8, atol=1e-10)


def test_half_and_half_is_the_plain_ridge():
    K, R, C, _ = problem(1, 3)
    found = weighted_update(K, R, C.float(), 10.0, 0.5)
    torch.testing.assert_close(found, ridge_update(K, R, C.float(), 10.0), rtol=1e-12, atol=0)


def test_keys_that_nothing_else_uses_are_moved_all_the_way():
    """By hand: C is zero along the first two axes, so those keys reach their residuals exactly."""
    C = torch.diag(torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0]))
    K, R = torch.eye(6)[:, :2], torch.ones(4, 2)
    delta = ridge_update(K, R, C, 1.0)
    torch.testing.assert_close(delta @ K.double(), R.double(), rtol=1e-5, atol=1e-5)
    assert float(delta[:, 2:].norm()) < 1e-6


def test_a_moment_without_full_rank_gives_a_short_update():
    """Three captions leave most directions empty; float32 noise there must not blow the update up."""
    generator = torch.Generator().manual_seed(3)
    old, K = torch.randn(200, 3, generator=generator), torch.randn(200, 2, generator=generator)
    noise = torch.randn(200, 200, generator=generator) * 1e-7
    C = old @ old.T + (noise + noise.T) * float((old @ old.T).norm()) / 200**0.5
    R = torch.randn(4, 2, generator=generator)
    delta = ridge_update(K, R, C, 10.0)
    shortest = R.double() @ torch.linalg.pinv(K.double())
    assert float(delta.norm()) < 2 * float(shortest.norm())


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_a_share_outside_its_bounds_is_refused(share):
    K, R, C, _ = problem(1, 2)
    with pytest.raises(MethodError, match="strictly between"):
        weighted_update(K, R, C, 1.0, share)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 0.0}, "must be positive"),
        ({"residuals": torch.zeros(D_OUT, 5)}, "5 residuals for 2 keys"),
        ({"moment": torch.eye(3)}, "does not fit keys of width 6"),
        ({"moment": -torch.eye(D_IN)}, "no second moment|not positive"),
    ],
)
def test_shapes_and_weights_that_do_not_fit_are_refused(change, message):
    K, R, C, _ = problem(1, 2)
    asked = {"keys": K, "residuals": R, "moment": C, "weight": 100.0, **change}
    with pytest.raises(MethodError, match=message):
        ridge_update(**asked)


def test_the_lift_of_a_system_without_full_rank_is_logged_and_0_where_there_is_none():
    K, R, C, _ = problem(1, 2)
    log: dict[str, float] = {}
    ridge_update(K, R, C, 10.0, log)
    assert log == {"lift": 0.0}
    flat = torch.ones(D_IN, D_IN)
    flat[0, 0] -= 1e-6  # what rounding leaves: an eigenvalue below 0
    ridge_update(K, R, flat, 10.0, log)
    largest = dict(log)
    assert 0 < largest["lift"] <= 4.0**7 * 2.0**-23
    ridge_update(K, R, C, 10.0, log)
    assert log == largest

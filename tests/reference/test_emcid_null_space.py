"""EMCID in the null space: three forms of one formula, what projection promises, and the method end to end."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.digest import digest_tensor
from iceb.base.errors import MethodError
from iceb.methods.common.least_squares import weighted_update
from iceb.methods.emcid import EMCID
from iceb.methods.emcid.null_space import NullSpaceSolver, Spectrum, null_rank, projected_update
from iceb.methods.emcid.null_space_method import EMCIDNullSpace
from iceb.methods.emcid.settings import NullSpace
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest
from tests.memory import Memory

D_IN, D_OUT = 12, 5
SEEDS = st.integers(0, 999)


def problem(seed: int, count: int):
    """Keys, residuals, and a second moment with eigenvalues from tiny to large."""
    generator = torch.Generator().manual_seed(seed)
    K = torch.randn(D_IN, count, generator=generator, dtype=torch.float64)
    R = torch.randn(D_OUT, count, generator=generator, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(D_IN, D_IN, generator=generator, dtype=torch.float64)).Q
    values = torch.logspace(-4, 1, D_IN, dtype=torch.float64)
    return K, R, turn @ torch.diag(values) @ turn.T


def damping(rank: int, ridge: float):
    return torch.full((rank,), ridge, dtype=torch.float64)


def apart(found, wanted) -> float:
    return float((found - wanted).norm() / wanted.norm())


# --- the closed form


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 15), rank=st.integers(1, D_IN), ridge=st.floats(1e-3, 100.0))
def test_the_reduced_forms_are_the_published_one(seed, count, rank, ridge):
    """AlphaEdit's d × d system against the r × r and the n × n one, which the function chooses between."""
    K, R, C = problem(seed, count)
    U0 = Spectrum.of(C).vectors[:, :rank]
    P = U0 @ U0.T
    full = R @ K.T @ P @ torch.linalg.inv(K @ K.T @ P + ridge * torch.eye(D_IN, dtype=torch.float64))
    K0 = U0.T @ K
    by_rank = R @ K0.T @ torch.linalg.inv(K0 @ K0.T + ridge * torch.eye(rank, dtype=torch.float64)) @ U0.T
    by_count = R @ torch.linalg.inv(K0.T @ K0 + ridge * torch.eye(count, dtype=torch.float64)) @ K0.T @ U0.T
    found = projected_update(K, R, U0, damping(rank, ridge))
    assert max(apart(found, form) for form in (full, by_rank, by_count)) < 1e-8


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 6), rank=st.integers(6, D_IN - 1))
def test_keys_outside_the_null_space_are_not_moved(seed, count, rank):
    K, R, C = problem(seed, count)
    U0 = Spectrum.of(C).vectors[:, :rank]
    delta = projected_update(K, R, U0, damping(rank, 0.1))
    outside = torch.eye(D_IN, dtype=torch.float64) - U0 @ U0.T
    assert float((delta @ outside).norm()) < 1e-12 * float(delta.norm())


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, rank=st.integers(1, D_IN))
def test_the_captions_drift_is_bounded_by_the_largest_free_eigenvalue(seed, rank):
    K, R, C = problem(seed, 3)
    spectrum = Spectrum.of(C)
    delta = projected_update(K, R, spectrum.vectors[:, :rank], damping(rank, 0.1))
    drift = float((delta @ C @ delta.T).trace())  # E‖Δ k‖² over captions
    assert drift <= float(spectrum.values[rank - 1] * delta.square().sum()) * (1 + 1e-9)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 100.0])
def test_one_key_moves_by_its_free_energy_over_that_and_the_damping(ridge):
    K, R, C = problem(1, 1)
    U0 = Spectrum.of(C).vectors[:, :7]
    q = float((U0.T @ K).square().sum())
    moved = projected_update(K, R, U0, damping(7, ridge)) @ K
    torch.testing.assert_close(moved, R * q / (q + ridge), rtol=1e-10, atol=0)


def test_all_directions_and_no_damping_give_the_least_norm_fit():
    K, R, C = problem(2, 4)
    delta = projected_update(K, R, Spectrum.of(C).vectors, damping(D_IN, 1e-9))
    torch.testing.assert_close(delta, R @ torch.linalg.pinv(K), rtol=1e-6, atol=1e-8)


def test_no_direction_gives_no_change():
    K, R, C = problem(3, 4)
    assert not projected_update(K, R, Spectrum.of(C).vectors[:, :0], torch.zeros(0)).any()


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_soft_preservation_in_the_whole_space_is_emcid(share):
    """With every direction free, λ C inside and no damping, EMCID's own closed form is left."""
    K, R, C = problem(4, 3)
    spectrum = Spectrum.of(C)
    lift = (1 - share) / share * (30.0 * spectrum.values + 1e-12)
    wanted = weighted_update(K, R, C, 30.0, share, rounded=False)
    assert apart(projected_update(K, R, spectrum.vectors, lift), wanted) < 1e-7


# --- which directions are free


VALUES = torch.tensor([0.0, 1e-3, 1e-2, 0.1, 1.0, 10.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("rule", "threshold", "rank"),
    [
        ("abs", 2e-2, 3),
        ("abs", 1e-9, 1),
        ("rel_max", 0.05, 4),
        ("rel_mean", 0.5, 6),  # never fewer than 100 directions, or all
        ("energy", 0.0101, 4),
        ("energy", 0.5, 5),
        ("rank", 2, 2),
        ("rank", 99, 6),
    ],
)
def test_a_rule_counts_the_smallest_directions(rule, threshold, rank):
    assert null_rank(VALUES, NullSpace(rule, threshold)) == rank


def test_few_directions_relative_to_the_mean_become_a_hundred():
    values = torch.linspace(1, 2, 500, dtype=torch.float64)
    assert null_rank(values, NullSpace("rel_mean", 1 / 90000)) == 100
    assert null_rank(values, NullSpace("rel_mean", 1.0)) == 250


def solver(space: NullSpace, **given) -> NullSpaceSolver:
    return NullSpaceSolver({3: Spectrum.of(problem(5, 1)[2])}, space, **given)


def test_a_null_space_that_is_everything_is_refused():
    K, R, _ = problem(5, 2)
    with pytest.raises(MethodError, match=r"layer 3: rule 'abs' at 100 gives 12 of 12 .* nothing would be preserved"):
        solver(NullSpace("abs", 100.0))(3, K, R)


def test_a_null_space_smaller_than_the_requests_is_refused():
    K, R, _ = problem(5, 4)
    with pytest.raises(MethodError, match=r"gives 3 of 12 directions, too few for 4 keys"):
        solver(NullSpace("rank", 3))(3, K, R)


def test_the_damping_may_follow_the_keys_energy():
    K, R, _ = problem(5, 3)
    made = solver(NullSpace("rank", 6, ridge=0.1, unit="median"))
    found = made(3, K, R)
    U0 = made.spectra[3].vectors[:, :6]
    ridge = 0.1 * (U0.T @ K).square().sum(dim=0).median()
    torch.testing.assert_close(found, projected_update(K, R, U0, ridge.expand(6)), rtol=1e-12, atol=0)
    assert made.log["text_encoder.3.ridge"] == pytest.approx(float(ridge))
    assert made.log["text_encoder.3.null_rank"] == 6


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_the_edit_weight_turns_the_damping(share):
    K, R, _ = problem(5, 3)
    weighed = solver(NullSpace("rank", 6, ridge=2.0), edit_weight=share)(3, K, R)
    plain = solver(NullSpace("rank", 6, ridge=2.0 * (1 - share) / share))(3, K, R)
    torch.testing.assert_close(weighed, plain, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "wrong",
    [{"null_space": "soft"}, {"threshold": 0.0}, {"ridge": 0.0}, {"ridge_unit": "mean"}, {"float32_moment": True}],
)
def test_invalid_settings_are_refused(wrong):
    with pytest.raises(MethodError):
        EMCIDNullSpace(**wrong)


# --- the method


TEMPLATES = ("An image of {}", "{}")
NAMES = ("golden retriever", "bee", "steam locomotive")
REQUESTS = tuple(EditRequest(f"t/{i}", name, (NAMES[i - 1],), TEMPLATES, i) for i, name in enumerate(NAMES))


@pytest.fixture
def method(tmp_path):
    captions = tmp_path / "captions.txt"
    captions.write_text("\n".join(f"a {word} on a table" for word in NAMES), encoding="utf-8")
    common = {"layers": (1, 2), "layers_2": (2, 3), "steps": 2, "noise_loss": "none", "captions": str(captions)}
    return EMCIDNullSpace(**common, null_space="rank", threshold=40.0, ridge=0.1, ridge_unit="median")


def test_an_edit_stays_in_the_null_space_of_the_unedited_encoder(tiny, method):
    before = {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    scratch = Memory()
    edit = method.edit(tiny, REQUESTS, context=MethodContext(scratch))
    assert {name: digest_tensor(value) for name, value in tiny.parameters_named().items()} == before
    assert len(edit.weights) == 2 * len(tiny.family.text_encoders)
    spectra = [torch.from_numpy(array) for array in scratch.kept.values() if array.shape == (65, 64)]
    assert len(spectra) == len(edit.weights)
    for name, weight in edit.weights.items():
        change = weight.double() - tiny.parameter(name).double()
        outside = [float((change @ stacked[1:, 40:]).norm() / change.norm()) for stacked in spectra]
        assert min(outside) < 1e-5  # float32 rounding of the written weight
    assert method.edit(tiny, [], context=MethodContext(Memory())) == Edit()


def test_the_null_space_edit_reuses_emcids_stored_value_vectors(tiny_sd, method):
    scratch = Memory()
    shared = {name: getattr(method, name) for name in ("layers", "layers_2", "steps", "noise_loss", "captions")}
    emcid = EMCID(**shared)
    emcid.edit(tiny_sd, REQUESTS, context=MethodContext(scratch.of(emcid)))
    assert method.edit(tiny_sd, REQUESTS, context=MethodContext(scratch.of(method))).log["values_made"] == 0
    assert EMCIDNullSpace.card.scratch_of == EMCID.card.name


def test_the_null_space_residual_may_be_the_streams(tiny_sd, method):
    scratch = Memory()
    one, other = (
        made.edit(tiny_sd, REQUESTS, context=MethodContext(scratch.of(made))).weights
        for made in (replace(method, residual="output"), replace(method, residual="stream"))
    )
    assert all(not torch.equal(one[name], other[name]) for name in one)


def test_constants_that_leave_nothing_to_preserve_stop_the_edit(tiny_sd, method):
    with pytest.raises(MethodError, match="set null_space and threshold"):
        replace(method, null_space="abs", threshold=1e9).edit(tiny_sd, REQUESTS, context=MethodContext(Memory()))

"""RECE: the attack is the minimiser it says it is, and one factor does what a loop over matrices does."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.errors import DataError, MethodError
from iceb.methods.common.attention import Moments, StateReader, projections
from iceb.methods.rece import RECE
from iceb.methods.rece.editing import retained_texts, rounds
from iceb.methods.rece.formula import attack
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef
from tests.memory import Memory

D = 6


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model(seed: int):
    """Original matrices of several sizes, and a factor that some edit gave them."""
    return [random(seed + place, out, D) for place, out in enumerate((3, 8, 5))], torch.eye(D) + 0.3 * random(
        seed, D, D
    )


def request_of(source, *dests) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, ("{}",), 0)


# --- the attack


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), ridge=st.floats(1e-4, 10))
def test_the_attack_is_where_its_objective_is_flat(seed, ridge):
    matrices, T = model(seed)
    c = random(seed, D)
    found = (attack(T, sum(W.T @ W for W in matrices), ridge) @ c).requires_grad_()
    missed = sum(((W @ T) @ found - W @ c).square().sum() for W in matrices)
    (missed + ridge * found.square().sum()).backward()
    torch.testing.assert_close(found.grad, torch.zeros(D, dtype=torch.float64), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("penalty", "answer", "embedding"), [("surrogate", 1, 0), ("surrogate_second", 0, 1), ("surrogate_both", 1, 1)]
)
def test_the_surrogates_penalise_what_is_far_from_the_concept(penalty, answer, embedding):
    matrices, T = model(3)
    c, ridge = random(9, D), 0.7
    found = (attack(T, sum(W.T @ W for W in matrices), ridge, penalty) @ c).requires_grad_()
    missed = sum(((W @ T) @ found - W @ c).square().sum() for W in matrices)
    far = answer * sum(((W @ T) @ (found - c)).square().sum() for W in matrices)
    (missed + ridge * (far + embedding * (found - c).square().sum())).backward()
    torch.testing.assert_close(found.grad, torch.zeros(D, dtype=torch.float64), rtol=0, atol=1e-8)


def test_without_a_penalty_the_edit_is_undone():
    matrices, T = model(4)
    H = attack(T, sum(W.T @ W for W in matrices), 0.0)
    torch.testing.assert_close(H, torch.linalg.inv(T), rtol=1e-8, atol=1e-8)


def test_a_singular_attack_says_what_to_do():
    with pytest.raises(MethodError, match="larger attack_ridge"):
        attack(torch.zeros(2, 2, dtype=torch.float64), torch.eye(2, dtype=torch.float64), 0.0)


# --- rounds


def literal_epoch(current, original, pairs, retained, method):
    """One epoch as written: every matrix by itself, every adversarial row by itself, inverses and all."""
    eye = torch.eye(D, dtype=torch.float64)
    A, B = sum(V.T @ V for V in current), sum(V.T @ W for V, W in zip(current, original, strict=True))
    rows = [(torch.linalg.inv(method.attack_ridge * eye + A) @ B @ old.T).T for old, _ in pairs]
    edited = []
    for V in current:
        left, right = method.ridge * V, method.ridge * eye
        for adversarial, (_, new) in zip(rows, pairs, strict=True):
            left = left + method.erase_scale * (V @ new.T) @ adversarial
            right = right + method.erase_scale * adversarial.T @ adversarial
        for kept in retained:
            left = left + method.preserve_scale * (V @ kept.T) @ kept
            right = right + method.preserve_scale * kept.T @ kept
        edited.append(left @ torch.linalg.inv(right))
    return edited


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_three_epochs_of_one_factor_are_three_epochs_of_every_matrix(seed):
    method = RECE(epochs=3, attack_ridge=0.05, erase_scale=0.7)
    original, T = model(seed)
    pairs = [(random(seed + 10 + place, 7, D), random(seed + 20 + place, 7, D)) for place in range(3)]
    retained = [random(seed + 30, 7, D), random(seed + 31, 7, D)]
    moments = Moments(sum(old.T @ old for old, _ in pairs), sum(new.T @ old for old, new in pairs))
    kept, G = sum(rows.T @ rows for rows in retained), sum(W.T @ W for W in original)
    current = [W @ T for W in original]
    for _ in range(method.epochs):
        current = literal_epoch(current, original, pairs, retained, method)
    T, log = rounds(method, T, G, moments, kept)
    assert len(log) == method.epochs
    for W, wanted in zip(original, current, strict=True):
        torch.testing.assert_close(W @ T, wanted, rtol=1e-8, atol=1e-9)


# --- the edit

REQUESTS = [request_of("church", "barn"), request_of("golf ball"), request_of("tench", "church")]


def test_every_layout_is_edited_by_one_factor(tiny):
    edit = RECE().edit(tiny, REQUESTS, context=MethodContext(Memory()))
    assert set(edit.weights) == set(projections(tiny))
    ((pattern, T),) = edit.right.items()
    assert set(tiny.parameters_named(pattern)) == set(edit.weights)
    for name, matrix in edit.weights.items():
        assert torch.equal(matrix, (tiny.parameter(name).double() @ T).to(matrix.dtype))
        assert not torch.equal(matrix, tiny.parameter(name))


def test_rece_starts_from_uce(tiny_sd):
    """By hand: one concept, rows from its last token on against those of a blank text, the empty prompt retained."""
    edit = RECE(epochs=0).edit(tiny_sd, [request_of("golf ball")], context=MethodContext(Memory()))
    old, new, empty = StateReader(tiny_sd)(["golf ball", " ", ""])
    E, N, R = old.rows[2 : 77 - 0], new.rows[0 : 77 - 2], empty.rows
    for name, matrix in edit.weights.items():
        W, eye = tiny_sd.parameter(name).double(), torch.eye(E.shape[1], dtype=torch.float64)
        left = 0.5 * W + (W @ N.T) @ E + (W @ R.T) @ R
        wanted = left @ torch.linalg.inv(0.5 * eye + E.T @ E + R.T @ R)
        torch.testing.assert_close(matrix.double(), wanted, rtol=1e-3, atol=1e-5)


def test_more_epochs_leave_less_for_the_attack(tiny_sd):
    """What the attack finds after an epoch answers the unedited model's answer less well than before."""
    weights = projections(tiny_sd)
    G = sum(W.double().T @ W.double() for W in weights.values())
    (state,) = StateReader(tiny_sd)(["golf ball"])

    def remaining_error(epochs):
        method = RECE(epochs=epochs, attack_ridge=0.1)
        (T,) = method.edit(tiny_sd, [request_of("golf ball")], context=MethodContext(Memory())).right.values()
        C = state.rows[state.last]
        return float(((T @ attack(T, G, 0.1) - torch.eye(len(T))) @ C).norm())

    assert remaining_error(0) < remaining_error(3)


def test_destinations_are_retained_unless_they_are_sources(tiny_sd):
    assert retained_texts(RECE(retain_dests=True), REQUESTS) == ["", "barn"]
    assert retained_texts(RECE(retain=("", "Tench", "dog")), REQUESTS) == ["", "dog"]


def test_a_file_names_more_to_retain(tiny_sd, tmp_path):

    names = tmp_path / "artists.txt"
    names.write_text("Monet\n\nTENCH\n", encoding="utf-8")
    method = RECE(retain_file=str(names))
    method.check(ModelRef("sd14", "r", "v", "float32"))
    assert retained_texts(method, REQUESTS) == ["", "Monet"]
    with pytest.raises(DataError, match=r"rece retain_file .*: cannot be read"):
        RECE(retain_file=str(tmp_path / "none")).check(ModelRef("sd14", "r", "v", "float32"))


def test_no_requests_give_an_empty_edit(tiny_sd):
    assert not RECE().edit(tiny_sd, [], context=MethodContext(Memory())).weights


@pytest.mark.parametrize(
    "wrong", [{"ridge": 0}, {"epochs": -1}, {"penalty": "none"}, {"attack_ridge": -1.0}, {"preserve_scale": -0.1}]
)
def test_invalid_settings_are_refused(wrong):
    with pytest.raises(MethodError, match=f"rece {next(iter(wrong))}"):
        RECE(**wrong)

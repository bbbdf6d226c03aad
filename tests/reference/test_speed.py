"""SPEED: its update is the constrained minimiser it says it is, and what it retains is chosen as written."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.errors import DataError, MethodError
from iceb.methods.common.attention import StateReader, projections
from iceb.methods.speed import SPEED
from iceb.methods.speed import editing as speed
from iceb.methods.speed.formula import (
    Targets,
    centres,
    least_singular_vector,
    reduce_rows,
    starting_rows,
    unused_directions,
    update,
)
from iceb.methods.speed.retaining import CHUNK, RetainedStates, exceeds_mean, retained_moment
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef
from tests.memory import Memory

D, R, OUT = 8, 5, 4
EYE = torch.eye(D, dtype=torch.float64)


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def problem(seed: int):
    """(target rows, anchor rows, the same for their means, U, K); as many rows as that seed asks for."""
    count = 1 + seed % (D + 3)
    t, a = random(seed, count, D), random(seed + 1, count, D)
    U = torch.linalg.qr(random(seed + 2, D, R))[0]
    return t, a, Targets(t / count**0.5, a / count**0.5), U, random(seed + 3, D, 2)


def moments(targets):
    """S_tt and S_at."""
    return targets.own.T @ targets.own, targets.anchors.T @ targets.own


def change_of(targets, U, K, scale, slack):
    """What W is multiplied by to give its change, and the idle constraints."""
    factor, idle = update(targets, U, K, scale, slack)
    return targets.away.T @ factor, idle


def request_of(source, *dests) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, ("{}",), 0)


# --- the update


def as_written(targets, U, K, scale, slack):
    """The closed form with full projectors and inverses."""
    P, (own, cross) = U @ U.T, moments(targets)
    M = torch.linalg.inv(own @ P + scale * EYE)
    inner = K.T @ P @ M @ K + slack * torch.eye(K.shape[1], dtype=torch.float64)
    Q = EYE - M @ K @ torch.linalg.inv(inner) @ K.T @ P
    return (cross - own) @ P @ Q @ M


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), slack=st.sampled_from([0.0, 0.5]), scale=st.floats(0.05, 5))
def test_the_reduced_form_equals_the_full_one(seed, slack, scale):
    _, _, targets, U, K = problem(seed)
    found, _ = change_of(targets, U, K, scale, slack)
    torch.testing.assert_close(found, as_written(targets, U, K, scale, slack), rtol=1e-7, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_invariants_and_used_directions_stay(seed):
    _, _, targets, U, K = problem(seed)
    found, idle = change_of(targets, U, K, 0.5, 0.0)
    assert idle == 0
    torch.testing.assert_close(found @ K, torch.zeros(D, 2, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(found @ (EYE - U @ U.T), torch.zeros(D, D, dtype=torch.float64), rtol=0, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_slack_is_a_soft_constraint(seed):
    _, _, targets, U, K = problem(seed)
    P, (own, cross) = U @ U.T, moments(targets)
    soft = (cross - own) @ P @ torch.linalg.inv(own @ P + 0.7 * EYE + K @ K.T @ P / 0.5)
    torch.testing.assert_close(change_of(targets, U, K, 0.7, 0.5)[0], soft, rtol=1e-7, atol=1e-8)


def test_the_update_is_the_constrained_minimiser():
    """No step inside the allowed directions lowers the objective: its gradient there is a multiplier times Kᵀ."""
    t, a, targets, U, K = problem(5)
    W = random(9, OUT, D)
    change = (W @ change_of(targets, U, K, 0.7, 0.0)[0]).requires_grad_()
    missed = (t @ (W + change).T - a @ W.T).square().sum() / len(t)
    (missed + 0.7 * change.square().sum()).backward()
    allowed = U @ torch.linalg.qr(U.T @ K, mode="complete")[0][:, 2:]  # in U's span, blind to K
    torch.testing.assert_close(change.grad @ allowed, torch.zeros(OUT, R - 2, dtype=torch.float64), rtol=0, atol=1e-9)


def test_dependent_constraints_count_once():
    _, _, targets, U, K = problem(6)
    twice, idle = change_of(targets, U, torch.cat([K, K[:, :1]], dim=1), 0.5, 0.0)
    assert idle == 1
    torch.testing.assert_close(twice, change_of(targets, U, K, 0.5, 0.0)[0], rtol=1e-6, atol=1e-7)


def test_the_probe_is_the_erasure_without_retaining():
    _, _, targets, _, _ = problem(7)
    own, cross = moments(targets)
    wanted = (cross - own) @ torch.linalg.inv(EYE + own)
    torch.testing.assert_close(targets.away.T @ targets.reach, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("count", [D, D + 1, 5 * D])
def test_fewer_rows_have_the_same_moments(count):
    t, a = random(1, count, D), random(2, count, D)
    small = Targets(*reduce_rows(t, a))
    assert len(small.own) == len(small.anchors) == D
    for found, wanted in zip(moments(small), (t.T @ t, a.T @ t), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("out", "least"), [(OUT, 0.5), (D, 0.5), (12, 0.5), (OUT, 1e-6), (12, 1e-6), (12, 0.0)])
def test_the_direction_that_is_shrunk_most_is_the_last_singular_vector(out, least):
    U, _, V = torch.linalg.svd(random(1, out, D), full_matrices=False)
    values = torch.linspace(3, 1, len(V), dtype=torch.float64)
    values[-1] = least
    found = least_singular_vector(U @ torch.diag(values) @ V)
    torch.testing.assert_close(found * (found @ V[-1]).sign(), V[-1], rtol=1e-7, atol=1e-8)


def test_directions_below_the_threshold_are_free():
    U = unused_directions(torch.diag(torch.tensor([3.0, 0.05, 0.2, 0.01], dtype=torch.float64)), 0.1)
    torch.testing.assert_close(U @ U.T, torch.diag(torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)))


# --- invariants and what is retained


def test_the_clusters_start_where_the_authors_do():
    assert starting_rows(76, 3, 0) == [52, 57, 22]


def test_states_that_are_not_finite_do_not_search_for_ever():
    assert centres(torch.full((76, D), float("nan"))).isnan().any()


def test_centres_are_the_means_of_their_clusters():
    groups = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]).double().repeat_interleave(8, dim=0)
    rows = groups + 0.01 * random(1, 24, 2)
    wanted = torch.stack([rows[:8].mean(0), rows[8:16].mean(0), rows[16:].mean(0)])
    seed = next(seed for seed in range(50) if {place // 8 for place in starting_rows(24, 3, seed)} == {0, 1, 2})
    found = centres(rows, seed=seed)
    torch.testing.assert_close(found[torch.cdist(wanted, found).argmin(1)], wanted)


def literal_moment(W, rows, probe, neighbours, filtered, generator):
    """The retained moment with every neighbour made."""
    E = W @ probe
    size = (rows @ E.T).norm(dim=1)
    rows = rows[size > size.mean()] if filtered else rows
    v = torch.linalg.svd(W, full_matrices=False)[2][-1]
    draws = torch.randn(len(rows), neighbours, generator=generator, dtype=torch.float64)
    found = [rows]
    for start in range(0, len(rows), CHUNK):
        near = (rows[start : start + CHUNK, None] + draws[start : start + CHUNK, :, None] * v).flatten(0, 1)
        moved = (near @ E.T).norm(dim=1)
        found.append(near[moved > moved.mean()])
    whole = torch.cat(found)
    return whole.T @ whole / len(whole), len(rows), len(whole) - len(rows)


@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("out", [OUT, 12])
def test_neighbour_moments_match_those_of_explicit_neighbours(filtered, out):
    W, rows, away, reach = random(1, out, D), random(2, 300, D), random(3, 2, D), random(5, 2, D)
    least = torch.linalg.svd(W, full_matrices=False)[2][-1]
    draws = [torch.Generator().manual_seed(4) for _ in range(2)]
    found = retained_moment(W @ away.T, RetainedStates(rows, rows @ reach.T, reach), least, 10, filtered, draws[0])
    moment, count, near = literal_moment(W, rows, away.T @ reach, 10, filtered, draws[1])
    assert (found.rows, found.neighbours) == (count, near)
    torch.testing.assert_close(found.moment, moment, rtol=1e-9, atol=1e-10)


def test_without_neighbours_every_state_counts():
    aims, rows, reach = random(1, OUT, 2), random(2, 30, D), random(3, 2, D)
    found = retained_moment(aims, RetainedStates(rows, rows @ reach.T, reach), None, 0, True, torch.Generator())
    torch.testing.assert_close(found.moment, rows.T @ rows / 30)


def test_thresholds_are_taken_per_chunk():
    sizes = torch.cat([torch.tensor([[1.0, 3.0]]).expand(CHUNK, 2), torch.tensor([[10.0, 30.0]])])
    assert exceeds_mean(sizes).tolist() == [[False, True]] * (CHUNK + 1)


def test_texts_that_name_a_source_are_not_retained(tiny_sd):
    method = SPEED(retain=("Mickey Haller", "mickeys", "a MICKEY.", "Pluto", "Pluto"))
    assert speed.retained_texts(method, tiny_sd, ["Mickey", "C++"]) == ["mickeys", "Pluto"]


# --- the edit

REQUESTS = [request_of("church", "barn"), request_of("golf ball"), request_of("tench", "goldfish")]
RETAIN = ("dog", "tabby cat", "garbage truck", "parachute")


@pytest.mark.parametrize("matrices", ["v", "vk"])
def test_every_layout_keeps_the_empty_text_and_moves_the_source(tiny, matrices):
    method = SPEED(matrices=matrices, retain=RETAIN, threshold=5.0)
    edit = method.edit(tiny, REQUESTS, context=MethodContext(Memory()))
    assert set(edit.weights) == set(projections(tiny, tuple(matrices)))
    empty, source, dest = StateReader(tiny)(["", "church", "barn"])
    closer = []
    for name, matrix in edit.weights.items():
        W, new = tiny.parameter(name).double(), matrix.double()
        torch.testing.assert_close(new @ empty.rows[0], W @ empty.rows[0], rtol=1e-3, atol=1e-4)
        t, a = source.rows[source.last], dest.rows[dest.last]
        closer.append(float((new @ t - W @ a).norm() / (W @ t - W @ a).norm()))
    assert max(closer) < 1


def test_moments_are_means_over_concepts_and_erasing_aims_at_the_start_token(tiny_sd):
    reader = StateReader(tiny_sd)
    source, empty = reader(["golf ball", ""])
    t, a = source.rows[2], empty.rows[0]
    twice = [request_of("golf ball"), request_of("golf ball ")]  # the same tokens
    own, cross = moments(speed.target_rows(SPEED(), reader, twice))
    torch.testing.assert_close(own, torch.outer(t, t))
    torch.testing.assert_close(cross, torch.outer(a, t))


def test_all_rows_are_those_after_the_start_token(tiny_sd):
    reader = StateReader(tiny_sd)
    found = speed.target_rows(SPEED(rows="all"), reader, REQUESTS[1:2])
    source, empty = (state.rows[1:] for state in reader(["golf ball", ""]))
    assert len(source) == 76
    torch.testing.assert_close(moments(found)[1], empty.T @ source)
    retained = speed.shuffle_rows(speed.retained_rows(SPEED(), reader, [], Memory()), found.reach, 0)
    torch.testing.assert_close(retained.rows.sum(0), empty.sum(0))
    assert len(speed.retained_rows(SPEED(rows="all"), reader, RETAIN, Memory())) == 76 * len(RETAIN)
    assert len(speed.retained_rows(SPEED(), reader, RETAIN, Memory())) == len(RETAIN)


def test_the_same_seed_gives_the_same_bytes(tiny_sd):
    one, two, other = (
        SPEED(retain=RETAIN, threshold=5.0, seed=seed).edit(tiny_sd, REQUESTS, context=MethodContext(Memory()))
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    assert any(not torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_no_requests_give_an_empty_edit(tiny_sd):
    assert not SPEED().edit(tiny_sd, [], context=MethodContext(Memory())).weights


def test_an_edit_without_any_free_direction_is_refused(tiny_sd, monkeypatch):
    monkeypatch.setattr(speed, "unused_directions", lambda moment, threshold: moment[:, :0])
    with pytest.raises(MethodError, match="take a larger threshold"):
        SPEED(retain=RETAIN).edit(tiny_sd, REQUESTS, context=MethodContext(Memory()))


def test_unsupported_requests_and_settings_are_refused(tiny_sd, tmp_path):
    with pytest.raises(MethodError, match="'golf ball' is named twice"):
        SPEED().edit(tiny_sd, [REQUESTS[1]] * 2, context=MethodContext(Memory()))
    with pytest.raises(DataError, match=r"speed retain_file .*: cannot be read"):
        SPEED(retain_file=str(tmp_path / "none")).check(ModelRef("sd14", "r", "v", "float32"))
    with pytest.raises(MethodError, match="speed needs a caption corpus"):
        SPEED(captions=5).check(ModelRef("sd14", "r", "v", "float32"))


@pytest.mark.parametrize("wrong", [{"rows": "some"}, {"matrices": "kv"}, {"threshold": 0}, {"slack": -1.0}])
def test_invalid_settings_are_refused(wrong):
    with pytest.raises(MethodError, match=f"speed {next(iter(wrong))}"):
        SPEED(**wrong)

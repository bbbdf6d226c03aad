"""The shared engine of closed-form cross-attention edits against literal sums and least squares."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.errors import MethodError, ModelError
from iceb.methods.common.attention import (
    PAIRINGS,
    Factor,
    Moments,
    StateReader,
    all_tokens,
    from_last_token,
    last_token,
    multiply_right,
    pair_moments,
    preserved_moment,
    projections,
    right_edit,
    solve,
)
from iceb.models import conditioning
from tests.memory import Memory

D, OUT = 6, 4


def rows(seed: int, count: int) -> torch.Tensor:
    return torch.randn(count, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- the solve


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 9), ridge=st.floats(0.01, 10), keep=st.floats(0.1, 3))
def test_one_factor_gives_every_matrix_its_least_squares_solution(seed, count, ridge, keep):
    W, E, new, P = rows(seed, OUT), rows(seed + 1, count), rows(seed + 2, count), rows(seed + 3, 5)
    stacked = torch.cat([E, keep**0.5 * P, ridge**0.5 * torch.eye(D, dtype=torch.float64)])
    wanted = torch.cat([new @ W.T, keep**0.5 * P @ W.T, ridge**0.5 * W.T])
    literal = torch.linalg.lstsq(stacked, wanted).solution.T
    moments, kept = Moments.of(E, new), keep * P.T @ P
    found = W @ solve(moments.old + kept, moments.cross + kept, ridge)
    torch.testing.assert_close(found, literal, rtol=1e-8, atol=1e-9)


def test_new_rows_equal_to_the_old_change_no_bit():
    C = rows(0, 9).T @ rows(0, 9)
    assert torch.equal(solve(C, C, ridge=0.5), torch.eye(D, dtype=torch.float64))


def test_one_factor_solves_for_several_targets():
    C, K = rows(0, 9).T @ rows(0, 9), rows(1, D)
    factor = Factor(C, 0.1)
    assert all(torch.equal(factor.right(target), solve(C, target, 0.1)) for target in (K, 2 * K))


@pytest.mark.parametrize(("ridge", "said"), [(0.0, "larger ridge"), (-1.0, "must not be negative")])
def test_an_unsolvable_system_says_what_to_do(ridge, said):
    with pytest.raises(MethodError, match=said):
        solve(torch.zeros(D, D), torch.zeros(D, D), ridge)


# --- the model's matrices


@pytest.mark.parametrize(("kinds", "matrices"), [(("v", "k"), 2), (("v",), 1), (("k",), 1)])
def test_every_cross_attention_gives_its_matrices_in_each_layout(tiny, kinds, matrices):
    blocks = sum(name.endswith("attn2") for name, _ in tiny.pipeline.unet.named_modules())
    assert len(projections(tiny, kinds)) == matrices * blocks


def test_values_come_before_keys(tiny_sd):
    kinds = [name.rsplit(".", 2)[1] for name in projections(tiny_sd)]
    assert kinds == sorted(kinds, reverse=True)


def test_an_unknown_kind_is_refused(tiny_sd):
    with pytest.raises(MethodError, match="'v'"):
        projections(tiny_sd, ("q",))


def test_a_model_without_cross_attention_is_refused_not_left_unchanged():
    class Bare:
        def parameters_named(self, pattern):
            return {}

    with pytest.raises(ModelError, match="no cross-attention"):
        projections(Bare())


def test_the_edited_matrices_keep_shape_and_format(tiny):
    weights = projections(tiny)
    width = next(iter(weights.values())).shape[1]
    M = 2 * torch.eye(width, dtype=torch.float64)
    done, edit = multiply_right(weights, M), right_edit(weights, M)
    assert edit.right == {"unet.*attn2.to_[kv].weight": M}
    assert all(torch.equal(edit.weights[name], done[name]) for name in weights)
    assert all(torch.equal(done[name], 2 * W) and done[name].dtype == W.dtype for name, W in weights.items())


# --- texts


@pytest.mark.parametrize(("text", "last"), [("", 0), (" ", 0), ("cat", 1), ("tabby cat", 2), ("cat " * 90, 75)])
def test_the_last_content_token_stands_before_the_end_token(tiny, text, last):
    (state,) = StateReader(tiny)([text])
    assert state.last == last
    assert state.ids[state.end] == tiny.pipeline.tokenizer.eos_token_id


def test_states_are_what_drawing_conditions_on(tiny):
    drawn = tiny.pipeline.encode_prompt(
        "a tabby cat", device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    torch.testing.assert_close(StateReader(tiny)(["a tabby cat"])[0].rows.float(), drawn[0][0], rtol=1e-5, atol=1e-6)


def test_a_texts_states_do_not_depend_on_other_texts(tiny):
    alone, beside = StateReader(tiny)(["cat"])[0], StateReader(tiny)(["a long sentence about a dog", "cat", "cat"])
    assert torch.equal(alone.read, beside[1].read)
    assert beside[1] is beside[2]


def test_states_do_not_depend_on_the_number_of_threads(tiny_sd, monkeypatch):
    """What is kept of a text is named without the number of threads, so every text is encoded with one."""
    encode, asked, read = conditioning._encode, [], {}
    monkeypatch.setattr(
        conditioning, "_encode", lambda *given: (asked.append(torch.get_num_threads()), encode(*given))[1]
    )
    for threads in (1, 3):
        torch.set_num_threads(threads)
        read[threads] = StateReader(tiny_sd)([f"{number} tabby cats" for number in range(9)])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    assert asked == [1] * 6  # nine texts in three groups, twice
    assert all(torch.equal(one.read, three.read) for one, three in zip(read[1], read[3], strict=True))


@pytest.mark.parametrize(("old", "new"), [("van gogh", " "), ("cat", "a very long green dog"), ("cat", "dog")])
def test_rows_from_the_last_token_pair_end_with_end(tiny_sd, old, new):
    reader = StateReader(tiny_sd)
    before, after = reader([old, new])
    E, aligned = from_last_token(before, after)
    assert len(E) == len(aligned) == 77 - max(before.last, after.last)
    assert torch.equal(E[1], before.rows[before.end])
    assert torch.equal(aligned[1], after.rows[after.end])
    assert torch.equal(aligned[0], after.rows[after.last])


def test_the_other_pairings_take_one_row_or_all(tiny_sd):
    before, after = StateReader(tiny_sd)(["tabby cat", "dog"])
    assert torch.equal(last_token(before, after)[1], after.rows[1:2])
    assert all_tokens(before, after)[0].shape == (77, before.read.shape[1])


# --- moments


def test_pair_moments_are_the_literal_sums(tiny):
    reader, pairs = StateReader(tiny), [("cat", "dog"), ("cat", "bird"), ("tabby cat", "")]
    found = pair_moments(reader, pairs, from_last_token)
    blocks = [from_last_token(*reader(pair)) for pair in pairs]
    E, new = (torch.cat(side) for side in zip(*blocks, strict=True))
    torch.testing.assert_close(found.old, E.T @ E, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.cross, new.T @ E, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_preserved_texts_count_as_often_as_they_are_named_and_are_read_once(tiny, pairing):
    reader, scratch, texts = StateReader(tiny), Memory(), ["", "dog", "piano", "dog"]
    first, again = (preserved_moment(reader, texts, pairing, scratch, tiny) for _ in range(2))
    P = torch.cat([PAIRINGS[pairing](state, state)[0] for state in reader(texts)])
    torch.testing.assert_close(first, P.T @ P, rtol=1e-12, atol=1e-12)
    assert torch.equal(first, again)
    assert len(scratch.made) == 1


def test_another_list_or_rule_is_another_sum(tiny_sd):
    reader, scratch = StateReader(tiny_sd), Memory()
    for texts, rule in ((["dog"], "all"), (["cat"], "all"), (["dog"], "last")):
        preserved_moment(reader, texts, rule, scratch, tiny_sd)
    assert len(scratch.made) == 3


def test_nothing_preserved_is_zero(tiny):
    assert not preserved_moment(StateReader(tiny), [], "all", Memory(), tiny).any()

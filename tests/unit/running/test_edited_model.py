"""The stack of edits in a model: what is removed leaves nothing behind, and the rest keeps what it changed."""

import pytest
import torch

from iceb.base.errors import MethodError
from iceb.running.edited_model import EditedModel
from iceb.specs.methods import Edit

FIRST, SECOND = (f"text_encoder.encoder.layers.{layer}.mlp.fc2.weight" for layer in (0, 1))


@pytest.fixture
def model(tiny_sd):
    with EditedModel(tiny_sd) as found:
        yield found


def noise(bundle, name, seed):
    return torch.randn(bundle.parameter(name).shape, generator=torch.Generator().manual_seed(seed))


def add_edit(model, batch, seed, *names, **words):
    """Add noise to parameters as they are now; the edit."""
    edit = Edit({name: model.current.parameter(name) + noise(model.base, name, seed) for name in names}, **words)
    model.add(batch, edit)
    return edit


def weights(model, *names):
    return {name: model.current.parameter(name).clone() for name in names}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_last_edit_leaves_every_bit_as_it_was(model):
    plain = weights(model, FIRST, SECOND)
    add_edit(model, "a", 1, FIRST)
    below, digest = weights(model, FIRST, SECOND), model.current.digest
    add_edit(model, "b", 2, FIRST, SECOND)
    model.remove("b")
    assert equal(weights(model, FIRST, SECOND), below)
    assert model.current.digest == digest
    model.remove("a")
    assert equal(weights(model, FIRST, SECOND), plain)
    assert model.current is model.base
    assert model.active == ()


def test_removing_an_earlier_edit_leaves_later_edits_of_other_parameters_bit_for_bit(model):
    add_edit(model, "a", 1, FIRST)
    add_edit(model, "b", 2, SECOND)
    plain = model.base.digest
    second = weights(model, SECOND)
    model.remove("a")
    assert equal(weights(model, SECOND), second)
    assert model.active == ("b",)
    alone = EditedModel(model.base)
    model.close()
    with alone:
        add_edit(alone, "b", 2, SECOND)
        assert equal(weights(alone, SECOND), second)
        assert alone.current.digest != plain


def test_removing_an_earlier_edit_takes_its_difference_out_of_the_same_parameter(model):
    """W + a + b without a is W + b: exact but for float32's rounding of two sums."""
    plain = weights(model, FIRST)[FIRST]
    add_edit(model, "a", 1, FIRST)
    add_edit(model, "b", 2, FIRST)
    both = weights(model, FIRST)[FIRST]
    model.remove("a")
    found, wanted = weights(model, FIRST)[FIRST], plain + noise(model.base, FIRST, 2)
    assert torch.allclose(found, wanted, rtol=0, atol=4 * torch.finfo(torch.float32).eps * both.abs().max().item())
    assert not torch.allclose(found, both, atol=0.1)


def test_the_digest_names_the_content_whichever_way_it_came_about(model):
    """Two ways to the same weights give one name, so that their images are shared."""
    add_edit(model, "a", 1, FIRST)
    add_edit(model, "b", 2, SECOND)
    model.remove("a")
    removed = model.current.digest
    model.remove("b")
    add_edit(model, "c", 2, SECOND)
    assert model.current.digest == removed


def test_any_two_states_with_other_weights_have_other_names(model):
    digests = [model.current.digest]
    for batch, seed, name in (("a", 1, FIRST), ("b", 2, FIRST), ("c", 3, SECOND)):
        add_edit(model, batch, seed, name)
        digests.append(model.current.digest)
    model.remove("b")
    digests.append(model.current.digest)
    model.remove("a")
    digests.append(model.current.digest)
    assert len(set(digests)) == len(digests)


def test_rewrites_and_negative_prompts_go_with_their_batch(model):
    model.add("a", Edit(rewrites={"cat": "dog"}, negative_prompt="cat"))
    model.add("b", Edit(rewrites={"boat": "car"}))
    assert dict(model.current.rewrites) == {"cat": "dog", "boat": "car"}
    model.remove("a")
    assert dict(model.current.rewrites) == {"boat": "car"}
    assert model.current.negative_prompt == ""


def test_without_its_edits_the_model_is_the_unedited_one_for_a_while(model):
    plain = weights(model, FIRST)
    add_edit(model, "a", 1, FIRST)
    add_edit(model, "b", 2, FIRST, SECOND)
    edited, digest = weights(model, FIRST, SECOND), model.current.digest
    with model.without_edits() as base:
        assert base is model.base
        assert equal(weights(model, FIRST), plain)
        assert model.active == ()
    assert equal(weights(model, FIRST, SECOND), edited)
    assert (model.current.digest, model.active) == (digest, ("a", "b"))


def test_the_edits_are_in_again_after_an_error(model):
    add_edit(model, "a", 1, FIRST)
    edited = weights(model, FIRST)
    with pytest.raises(ZeroDivisionError), model.without_edits():
        raise ZeroDivisionError
    assert equal(weights(model, FIRST), edited)


def test_leaving_takes_every_edit_out(tiny_sd):
    plain = tiny_sd.parameter(FIRST).clone()
    with EditedModel(tiny_sd) as model:
        add_edit(model, "a", 1, FIRST)
        add_edit(model, "b", 2, FIRST)
        assert not torch.equal(tiny_sd.parameter(FIRST), plain)
    assert torch.equal(tiny_sd.parameter(FIRST), plain)


def test_a_batch_that_is_not_active_cannot_be_removed(model):
    add_edit(model, "a", 1, FIRST)
    with pytest.raises(MethodError, match="batch 'b' cannot be removed: active are a"):
        model.remove("b")

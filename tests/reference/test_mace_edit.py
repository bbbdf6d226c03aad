"""MACE from requests to weights, on random models of every layout."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.base.errors import DataError, MethodError, ModelError
from iceb.methods.mace import MACE
from iceb.methods.mace.lora import cross_attentions
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest
from iceb.stores.scratch import ScratchStore
from tests.memory import settings_of

TEMPLATES = ("A photo of {}", "{}")
DOG = EditRequest("t/0", "golden retriever", ("tabby cat",), TEMPLATES, 1)
TRAIN = EditRequest("t/1", "steam train", (), TEMPLATES, 2)


def quick(**changes) -> MACE:
    return MACE(**{**dict(MACE.card.quick), **changes})


@pytest.fixture
def scratch(tmp_path):
    return ScratchStore(tmp_path, {"test": "mace"}, settings_of(quick()))


def test_an_edit_changes_keys_and_values_alone_and_leaves_the_model_untouched(tiny, scratch):
    before = {name: value.clone() for name, value in tiny.parameters_named("unet.*attn*").items()}
    edit = quick().edit(tiny, [DOG, TRAIN], context=MethodContext(scratch))
    assert set(edit.weights) == set(tiny.parameters_named("unet.*attn2.to_[kv].weight"))
    assert all(value.isfinite().all() and not torch.equal(value, before[name]) for name, value in edit.weights.items())
    assert all(torch.equal(value, before[name]) for name, value in tiny.parameters_named("unet.*attn*").items())


def test_the_same_edit_twice_is_the_same_bytes_and_nothing_is_made_again(tiny_sd, scratch, tmp_path, monkeypatch):
    first = quick().edit(tiny_sd, [DOG, TRAIN], context=MethodContext(scratch)).weights
    afresh = (
        quick()
        .edit(tiny_sd, [DOG, TRAIN], context=MethodContext(ScratchStore(tmp_path / "other", {}, settings_of(quick()))))
        .weights
    )
    monkeypatch.setattr(ScratchStore, "put", lambda *_: pytest.fail("computed again"))
    again = quick().edit(tiny_sd, [DOG, TRAIN], context=MethodContext(scratch)).weights
    assert all(torch.equal(first[name], afresh[name]) and torch.equal(first[name], again[name]) for name in first)


def test_the_order_of_requests_changes_no_more_than_rounding(tiny_sd, scratch):
    one = quick().edit(tiny_sd, [DOG, TRAIN], context=MethodContext(scratch)).weights
    other = quick().edit(tiny_sd, [TRAIN, DOG], context=MethodContext(scratch)).weights
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def test_no_requests_give_an_empty_edit(tiny_sd, scratch):
    assert quick().edit(tiny_sd, [], context=MethodContext(scratch)) == Edit()


def test_without_steps_it_is_stage_1_which_maps_the_prompts_end_to_the_destinations(tiny_sd, scratch):
    from iceb.methods.common.attention import StateReader

    edit = quick(steps=0, ridge=1e-6).edit(tiny_sd, [DOG], context=MethodContext(scratch))
    (pattern,) = edit.right
    assert set(tiny_sd.parameters_named(pattern)) == set(edit.weights)
    source, dest = StateReader(tiny_sd)(["a photo of golden retriever", "a photo of tabby cat"])
    for name, W in edit.weights.items():
        old = tiny_sd.parameter(name)
        wanted, found = old @ dest.read[dest.end], W @ source.read[source.end]
        assert (found - wanted).norm() < 0.4 * (old @ source.read[source.end] - wanted).norm(), name


@pytest.mark.parametrize("left", [("barn", "a photo of a harbour seal"), ("a piano",)])
def test_texts_of_the_domain_that_name_a_source_are_not_preserved(left, tiny_sd, scratch, tmp_path):
    captions, whole, rest = (tmp_path / name for name in ("captions.txt", "domain.json", "rest.txt"))
    captions.write_text("a red ball\ntwo dogs\n", encoding="utf-8")
    whole.write_text(json.dumps(["Golden Retriever", *left, "the golden retriever's bowl", "STEAM TRAIN"]))
    rest.write_text("\n".join(left), encoding="utf-8")
    method = quick(steps=0, captions=str(captions), train_preserve_scale=0.3, preserve_weight=10.0)
    found, wanted, without = (
        replace(method, domain=domain).edit(tiny_sd, [DOG, TRAIN], context=MethodContext(scratch)).weights
        for domain in (str(whole), str(rest), None)
    )
    assert all(torch.allclose(found[name], wanted[name], rtol=1e-5, atol=1e-7) for name in wanted)
    assert not any(torch.allclose(found[name], without[name], rtol=1e-3) for name in wanted)


def test_a_domain_that_cannot_be_read_is_named(tiny_sd, scratch, tmp_path):
    (captions := tmp_path / "captions.txt").write_text("a red ball\n", encoding="utf-8")
    (domain := tmp_path / "domain.json").write_text("[{", encoding="utf-8")
    method = quick(captions=str(captions), domain=str(domain), train_preserve_scale=1.0)
    with pytest.raises(DataError, match=r"domain texts .*not JSON"):
        method.edit(tiny_sd, [DOG], context=MethodContext(scratch))
    with pytest.raises(DataError, match=r"mace domain .*cannot be read"):
        replace(method, domain="none").check(tiny_sd.ref)


def test_erasing_maps_to_the_anchor_and_replacing_to_the_destination():
    method = quick(anchor="the sky")
    assert (method.concept(TRAIN).dest, method.concept(DOG).dest) == ("the sky", "tabby cat")


def test_of_mixed_requests_each_is_trained_as_what_it_is(tiny_sd, scratch):
    artist = EditRequest("t/2", "van gogh", ("painting",), TEMPLATES, 3)
    by_anchor, styles = (quick(concept_type=kind) for kind in ("by_anchor", "style"))
    by_anchor.edit(tiny_sd, [DOG, artist], context=MethodContext(scratch))
    kinds = [by_anchor.concept(each).kind for each in (DOG, artist, TRAIN)]
    assert kinds == ["object", "style", "object"]
    assert by_anchor.concept(artist) == styles.concept(artist)
    assert by_anchor.concept(DOG) == quick().concept(DOG)


def test_whole_images_stand_for_the_masks_of_a_style_beside_masked_concepts():
    from iceb.methods.common.denoiser import Condition
    from iceb.methods.mace.loss import StepBatch
    from iceb.methods.mace.training import join_batches

    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    common = (torch.zeros(1, 4, 2, 2), torch.zeros(1), Condition(torch.zeros(1, 3, 5)), torch.zeros(1, 3))
    masked, whole = StepBatch(*common, mask), StepBatch(*common, None)
    joined = join_batches([masked, whole]).masks
    assert joined.dtype == torch.bool
    assert (joined[0].any(), joined[1].all()) == (False, True)
    assert join_batches([whole, whole]).masks is None


def test_half_precision_is_trained_in_single_and_given_back_in_half(tiny_sd_folder, scratch):
    from iceb.models.bundle import ModelBundle
    from iceb.models.loading import load_pipeline
    from iceb.models.sources import find

    source = find(str(tiny_sd_folder))
    half = ModelBundle.of_pipeline(load_pipeline(source, torch.device("cpu")).to(torch.bfloat16), source.family)
    edit = quick(segmenter="none").edit(half, [DOG], context=MethodContext(scratch))
    assert {value.dtype for value in edit.weights.values()} == {torch.bfloat16}
    assert all(value.isfinite().all() for value in edit.weights.values())


def test_a_model_without_cross_attention_is_refused():
    with pytest.raises(ModelError, match="no cross-attention"):
        cross_attentions(torch.nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"segmenter": "magic"}, "must be one of grounded-sam"),
        ({"concept_type": "song"}, "must be one of object, style"),
        ({"prompts": 31}, "there are 30 sentences"),
        ({"steps": -1}, "must not be negative"),
        ({"rank": 0}, "at least 1"),
        ({"rate": 0.0}, "must be positive"),
    ],
)
def test_invalid_settings_are_refused_on_creation(changes, said):
    with pytest.raises(MethodError, match=said):
        MACE(**changes)


@settings(max_examples=5, deadline=None)
@given(count=st.integers(1, 30), kind=st.sampled_from(["object", "style"]))
def test_sentences_of_either_kind_are_distinct_and_hold_the_name_once(count, kind):
    concept = MACE(prompts=count, concept_type=kind).concept(TRAIN)
    assert len(set(concept.sources)) == count
    assert all(text.count("steam train") == 1 for text in concept.sources)


def test_captions_are_asked_for_only_where_something_is_preserved(tiny_sd):
    quick().check(tiny_sd.ref)
    with pytest.raises(MethodError, match="mace needs a caption corpus"):
        MACE().check(tiny_sd.ref)


def test_masks_of_minis_ground_are_refused_on_other_models(tiny_sd):
    method = MACE(segmenter="ground", train_preserve_scale=0.0, fuse_preserve_scale=0.0)
    method.check(replace(tiny_sd.ref, family="mini"))
    with pytest.raises(MethodError, match="the model is sd14"):
        method.check(replace(tiny_sd.ref, family="sd14"))

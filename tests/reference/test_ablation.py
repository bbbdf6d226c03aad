"""Concept Ablation as the benchmark sees it: requests to weights, anchors shared, one training run for all concepts."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from iceb.base.digest import digest_tensor
from iceb.base.errors import DataError, MethodError, ModelError
from iceb.methods.ablation import Ablation
from iceb.methods.ablation.augmentation import check_size, place_image, view
from iceb.methods.ablation.concepts import concepts_of
from iceb.methods.ablation.objective import detach_start_token
from iceb.methods.ablation.randomness import RandomStream
from iceb.models.checking import check_edit
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.memory import Memory

TEMPLATES = ("An image of {}", "{}")
QUICK = Ablation(**dict(Ablation.card.quick))


def make_request(source: str, *dests: str, seed: int = 1) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, TEMPLATES, seed)


CAT, BEE, VIOLIN = (
    make_request("grumpy cat", "cat"),
    make_request("bumblebee", "bee", seed=2),
    make_request("violin", "cat", seed=3),
)


SHARED = Memory()  # for tests that do not ask what is made


@pytest.fixture(autouse=True)
def short_drawing(request, monkeypatch):
    """Anchors' images of the tiny models' own size."""
    for name in {"tiny", "tiny_sd", "tiny_sd21", "tiny_sdxl"} & set(request.fixturenames):
        bundle = request.getfixturevalue(name)
        sampling = replace(bundle.family.sampling, scheduler="ddim", steps=2, height=32, width=32)
        monkeypatch.setattr(bundle, "family", replace(bundle.family, sampling=sampling))


def fingerprint(edit) -> dict[str, str]:
    return {name: digest_tensor(tensor) for name, tensor in edit.weights.items()}


def make_edit(bundle, *requests, scratch=None, **changes):
    method = replace(QUICK, **changes)
    return method.edit(bundle, requests, context=MethodContext((scratch or Memory()).of(method)))


# --- the edit


def test_an_edit_changes_what_its_group_names_and_nothing_of_the_model(tiny):
    before = {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    edit = check_edit(make_edit(tiny, CAT), tiny, Ablation.card)
    assert edit.weights
    assert all(name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")) for name in edit.weights)
    assert all(not torch.equal(value, tiny.parameter(name)) for name, value in edit.weights.items())
    assert before == {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    assert all(not value.requires_grad for value in edit.weights.values())


def test_the_embedding_group_moves_the_concepts_own_words_alone(tiny):
    edit = check_edit(make_edit(tiny, CAT, parameter_group="embedding"), tiny, Ablation.card)
    assert len(edit.weights) == len(tiny.family.text_encoders)
    ids = tiny.pipeline.tokenizer("grumpy").input_ids[1:-1]  # "cat" is a word of the anchor's prompts too
    for name, table in edit.weights.items():
        moved = (table != tiny.parameter(name)).any(dim=1).nonzero().flatten().tolist()
        assert moved == sorted(ids)


@pytest.mark.parametrize("group", ["attn", "full-weight"])
def test_larger_groups_hold_the_smaller_ones(tiny_sd, group):
    small, large = (
        make_edit(tiny_sd, CAT, scratch=SHARED, steps=1, parameter_group=each) for each in ("cross-attn", group)
    )
    assert set(small.weights) < set(large.weights)


def test_an_embedding_without_a_word_of_its_own_is_refused(tiny_sd):
    with pytest.raises(MethodError, match="every token of the concepts"):
        make_edit(tiny_sd, make_request("image", "cat"), parameter_group="embedding")


def test_the_same_requests_in_any_order_give_the_same_bytes(tiny_sd):
    scratch = Memory()
    first = make_edit(tiny_sd, CAT, BEE, VIOLIN, scratch=scratch)
    assert fingerprint(first) == fingerprint(make_edit(tiny_sd, VIOLIN, CAT, BEE, scratch=scratch))


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "noise-based"},
        {"prior": True},
        {"prior": True, "variant": "compvis", "prior_weight": 0.2},
        {"variant": "compvis"},
        {"flip": True},
        {"seed": 7},
        {"scale_rate": False},
        {"concept_type": "style"},
        {"concept_type": "memorization"},
        {"concept_type": "nudity"},
    ],
)
def test_every_setting_changes_the_edit(tiny_sd, changes):
    assert fingerprint(make_edit(tiny_sd, CAT, scratch=SHARED, steps=1, **changes)) != _plain(tiny_sd)


@cache
def _plain(bundle) -> dict[str, str]:
    return fingerprint(make_edit(bundle, CAT, scratch=SHARED, steps=1))


def test_training_brings_the_sources_prediction_to_the_anchors(tiny_sd):
    edit = make_edit(tiny_sd, CAT, scratch=SHARED, steps=24, rate=2e-2, scale_rate=False)
    assert edit.log["last_loss"] < 0.5 * edit.log["first_loss"]


# --- anchors


def test_concepts_of_one_anchor_share_its_images(tiny_sd):
    scratch = Memory()
    edit = make_edit(tiny_sd, CAT, VIOLIN, BEE, scratch=scratch)
    assert scratch.made.count("ablation anchor images") == 2
    assert scratch.made.count("ablation anchor latents") == 2
    assert edit.log["images_drawn"] == 2 * QUICK.images
    again = make_edit(tiny_sd, CAT, scratch=scratch)
    assert again.log["images_drawn"] == 0


def test_all_styles_have_one_anchor(tiny_sd):
    styles = [make_request(name) for name in ("van gogh", "paul klee", "claude monet")]
    assert make_edit(tiny_sd, *styles, concept_type="style", anchor="").log["anchors"] == 1


@pytest.mark.parametrize(
    ("dests", "anchor", "wanted"),
    [(("art",), "painting", "painting"), (("art",), "", "art"), ((), "", "painting"), ((), "art", "art")],
)
def test_a_styles_anchor_is_the_setting_before_the_destination(dests, anchor, wanted):
    (concept,) = concepts_of([make_request("van gogh", *dests)], replace(QUICK, concept_type="style", anchor=anchor))
    assert concept.anchor.prompts[0] == f"a {wanted} of a fishing boat on a calm lake"


def test_by_anchor_a_style_is_what_becomes_a_painting(tiny_sd):
    """As the authors' list has it: anchor "painting" of every style, the class's name of every instance."""
    method = replace(QUICK, concept_type="by_anchor", anchor="")
    thing, style = concepts_of([make_request("van gogh", "painting"), CAT], method)
    assert (style.type, thing.type) == ("style", "object")
    (alone,) = concepts_of([make_request("van gogh", "painting")], replace(method, concept_type="style"))
    assert style == alone
    assert [thing] == concepts_of([CAT], replace(method, concept_type="object"))
    of_style = make_request("van gogh", "painting")
    mixed, plain = (
        make_edit(tiny_sd, of_style, scratch=SHARED, steps=1, concept_type=kind, anchor="")
        for kind in ("by_anchor", "style")
    )
    assert fingerprint(mixed) == fingerprint(plain)
    with pytest.raises(MethodError, match="names no anchor"):
        concepts_of([make_request("bee")], method)


def test_a_traits_images_are_drawn_away_from_it():
    concepts = concepts_of([make_request("blood", "a street")], replace(QUICK, concept_type="nudity"))
    assert concepts[0].anchor.negative == "blood"


# --- prompts and requests


def test_prompts_come_from_the_requests_templates_and_name_source_and_anchor():
    (concept,) = concepts_of([CAT], QUICK)
    assert concept.anchor.prompts == ("An image of cat", "cat")
    assert [concept.prompt(i, "diffusers", RandomStream(seed=0)) for i in (0, 1, 2)] == [
        "An image of grumpy cat",
        "grumpy cat",
        "An image of grumpy cat",
    ]


def test_a_file_of_prompts_takes_the_templates_place(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("a {} in the snow\n\na cat on a sofa\n", encoding="utf-8")
    (concept,) = concepts_of([CAT], replace(QUICK, prompts=str(path)))
    assert concept.anchor.prompts == ("a cat in the snow", "a cat on a sofa")
    assert concept.targets == ("a grumpy cat in the snow", "a grumpy cat on a sofa")


def test_a_memorised_caption_is_its_own_prompt():
    (concept,) = concepts_of([make_request("the exact caption", "a boat")], replace(QUICK, concept_type="memorization"))
    assert concept.anchor.prompts == ("a boat",)
    assert concept.targets == ("the exact caption",)


@pytest.mark.parametrize(
    ("requests", "changes", "said"),
    [
        ([make_request("bee", "cat", "dog")], {}, "2 destinations"),
        ([make_request("bee")], {"anchor": ""}, "set `anchor`"),
        ([make_request("bee")], {"anchor": "", "concept_type": "memorization"}, "needs a file of prompts"),
        ([CAT], {"prompts": "none.txt"}, "cannot be read"),
    ],
)
def test_a_request_without_one_anchor_is_refused(requests, changes, said):
    with pytest.raises((MethodError, DataError), match=said):
        concepts_of(requests, replace(QUICK, **changes))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concept_type", "person"),
        ("loss", "model"),
        ("parameter_group", "xattn"),
        ("variant", "2025"),
        ("draw_scheduler", "euler"),
        ("steps", 0),
        ("rate", 0.0),
        ("decay", -1.0),
    ],
)
def test_wrong_settings_are_refused_at_once(name, value):
    with pytest.raises(MethodError, match=name):
        replace(QUICK, **{name: value})


@pytest.mark.parametrize("name", ["prompts", "prior_prompts"])
def test_a_missing_file_is_reported_before_any_weight_is_loaded(name):
    with pytest.raises(DataError, match=rf"ablation {name} none\.txt: there is no such file"):
        replace(QUICK, **{name: "none.txt"}).check(None)


def test_no_requests_give_an_empty_edit():
    assert not QUICK.edit(None, (), context=MethodContext(Memory())).weights


# --- settings


@pytest.mark.parametrize(
    ("changes", "rate"),
    [({}, 1.6e-5), ({"prior": True}, 3.2e-5), ({"prior": True, "variant": "compvis"}, 1.6e-5)],
)
def test_the_learning_rate_grows_with_the_batch_as_the_authors_scale_it(changes, rate):
    assert replace(Ablation(), **changes).effective_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("kind", "resizable"), [("object", True), ("memorization", True), ("style", False), ("nudity", False)]
)
def test_styles_and_traits_are_never_augmented(kind, resizable):
    (concept,) = concepts_of([CAT], replace(QUICK, concept_type=kind))
    assert concept.resizable == resizable


def test_images_too_small_to_shrink_are_refused():
    check_size(512, 8)
    with pytest.raises(MethodError, match="set augment=false"):
        check_size(32, 4)


@pytest.mark.parametrize("variant", ["diffusers", "compvis"])
def test_a_view_of_any_draw_leaves_something_to_train_on(variant):
    rng, pixels = RandomStream(seed=3), torch.zeros(72, 72, 3, dtype=torch.uint8).numpy()
    for _ in range(60):
        image, mask = place_image(pixels, view(rng, 72, variant, augment=True), 72, 8, variant)
        assert image.shape == (3, 72, 72)
        assert mask.shape == (1, 9, 9)
        assert mask.sum() > 0


def test_a_denoiser_without_cross_attention_is_an_error():
    with pytest.raises(ModelError, match="no cross-attention"), detach_start_token(torch.nn.Linear(2, 2)):
        pass

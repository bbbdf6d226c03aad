"""UCE against its formula written out matrix by matrix and text by text, in every layout."""

import pytest
import torch

from iceb.base.errors import DataError, MethodError
from iceb.methods.common.attention import StateReader, projections
from iceb.methods.uce import UCE, UCEEmcid
from iceb.methods.uce.texts import expand_pairs, other_names
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.memory import Memory


def request(source: str, *dests: str) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, ("{}",), 0)


REQUESTS = [request("tabby cat", "dog"), request("barn", "red brick house"), request("bee")]


def make_edit(method, bundle, requests=REQUESTS):
    return method.edit(bundle, requests, context=MethodContext(Memory()))


def literal(bundle, W, pairs, retain, ridge, erase, keep, tensor=False):
    """mat1 mat2⁻¹ with an inverse, one text after the other."""
    read = StateReader(bundle)
    W, width = W.double(), W.shape[1]
    mat1, mat2 = ridge * W, ridge * torch.eye(width, dtype=torch.float64)
    for old, new in pairs:
        (before, after) = read([old, new])
        count = 77 - max(before.last, after.last)
        C, wanted = before.rows[before.last :][:count], after.rows[after.last :][:count]
        v = wanted @ W.T
        if tensor:
            u = C @ W.T / (C @ W.T).norm()
            v = v - (u * v).sum() * u
        mat1, mat2 = mat1 + erase * v.T @ C, mat2 + erase * C.T @ C
    for text in retain:
        P = read([text])[0].rows
        mat1, mat2 = mat1 + keep * W @ P.T @ P, mat2 + keep * P.T @ P
    return mat1 @ torch.linalg.inv(mat2)


def same(edit, bundle, *rest, **also) -> None:
    for name, W in projections(bundle).items():
        torch.testing.assert_close(edit.weights[name].double(), literal(bundle, W, *rest, **also), rtol=1e-5, atol=1e-6)


PAIRS = [("tabby cat", "dog"), ("barn", "red brick house"), ("bee", " ")]


def test_replace_is_the_formula_in_every_layout(tiny):
    method = UCE(retain=("train", "piano"))
    same(make_edit(method, tiny), tiny, PAIRS, ["", "train", "piano"], 0.5, 1.0, 1 / 3)


def test_emcid_retains_the_destinations_of_the_first_requests_only(tiny_sd, monkeypatch):
    monkeypatch.setattr("iceb.methods.uce.editing.RETAINED", 1)
    same(make_edit(UCEEmcid(), tiny_sd), tiny_sd, PAIRS, ["dog"], 0.1, 0.1, 0.1, tensor=True)


def test_pairs_may_be_summed_in_parts(tiny_sd, monkeypatch):
    monkeypatch.setattr("iceb.methods.uce.editing.PAIRS_AT_ONCE", 2)
    same(make_edit(UCE(), tiny_sd), tiny_sd, PAIRS, [""], 0.5, 1.0, 1.0)


def test_tensor_is_the_formula_in_every_layout(tiny):
    same(make_edit(UCE(technique="tensor"), tiny), tiny, PAIRS, [""], 0.5, 1.0, 1.0, tensor=True)


def test_emcids_row_retains_the_destinations(tiny_sd):
    same(make_edit(UCEEmcid(), tiny_sd), tiny_sd, PAIRS, ["dog", "red brick house"], 0.1, 0.1, 0.1, tensor=True)


def test_many_retained_texts_weigh_no_less_than_a_tenth(tiny_sd):
    texts = tuple(f"text {number}" for number in range(20))
    same(make_edit(UCE(retain=texts), tiny_sd), tiny_sd, PAIRS, ["", *texts], 0.5, 1.0, 0.1)


def test_templates_are_edited_too_with_a_bare_guide(tiny_sd):
    pairs = expand_pairs(PAIRS, "object", both=False)
    assert ("photo of bee", " ") in pairs
    same(make_edit(UCE(templates=True), tiny_sd), tiny_sd, pairs, [""], 0.5, 1.0, 1.0)


def test_a_guide_moderates_requests_without_a_destination(tiny_sd):
    pairs = [*PAIRS[:2], ("bee", "calm meadow")]
    same(make_edit(UCE(guide="calm meadow"), tiny_sd), tiny_sd, pairs, [""], 0.5, 1.0, 1.0)


def test_the_source_answers_as_the_destination_did(tiny_sd):
    edit = make_edit(UCE(ridge=1e-6, preserve_scale=0.0), tiny_sd, REQUESTS[:1])
    old, new = StateReader(tiny_sd)(["tabby cat", "dog"])
    name, W = next(iter(projections(tiny_sd).items()))
    before, after, wanted = (
        W.double() @ old.rows[2],
        edit.weights[name].double() @ old.rows[2],
        W.double() @ new.rows[1],
    )
    assert (after - wanted).norm() < 0.05 * (before - wanted).norm()


def test_the_matrices_share_one_factor_where_they_can(tiny_sd):
    (M,) = make_edit(UCE(), tiny_sd).right.values()
    for name, W in make_edit(UCE(), tiny_sd).weights.items():
        assert torch.equal(W, (tiny_sd.parameter(name).double() @ M).float())
    assert not make_edit(UCE(technique="tensor"), tiny_sd).right


@pytest.mark.parametrize("method", [UCE(keys=False), UCE(variant=2025, keys=False), UCEEmcid(keys=False)])
def test_values_alone_leaves_keys_unedited(tiny_sd, method):
    assert set(make_edit(method, tiny_sd).weights) == set(projections(tiny_sd, ("v",)))


@pytest.mark.parametrize("method", [UCE(), UCEEmcid()])
def test_no_requests_give_an_empty_edit(tiny_sd, method):
    assert not make_edit(method, tiny_sd, []).weights


@pytest.mark.parametrize("method", [UCE(), UCE(variant=2025), UCE(technique="tensor"), UCEEmcid()])
def test_the_same_requests_give_the_same_bytes(tiny_sd, method):
    first, second = make_edit(method, tiny_sd), make_edit(method, tiny_sd)
    assert all(torch.equal(W, second.weights[name]) for name, W in first.weights.items())


def test_several_destinations_are_refused(tiny_sd):
    with pytest.raises(MethodError, match="uce-debias"):
        make_edit(UCE(), tiny_sd, [request("doctor", "male", "female")])


# --- artists


@pytest.fixture
def artists(tmp_path):
    path = tmp_path / "artists.txt"
    path.write_text("Claude Monet\nRembrandt\n\nAndy Warhol\nBanksy\n", encoding="utf-8")
    return str(path)


def test_artists_that_are_edited_are_not_retained(tiny_sd, artists):
    method = UCE(concept_type="art", retain_file=artists)
    asked = [request("claude monet", "art")]
    retain = ["", "Rembrandt", "Andy Warhol", "Banksy"]
    same(make_edit(method, tiny_sd, asked), tiny_sd, [("claude monet", "art")], retain, 0.5, 1.0, 0.25)


def test_artists_may_stand_in_json(tiny_sd, artists, tmp_path):
    (rows := tmp_path / "artists.json").write_text('["Rembrandt", {"caption": "Banksy"}]', encoding="utf-8")
    asked = [request("claude monet", "art")]
    same(
        make_edit(UCE(retain_file=str(rows)), tiny_sd, asked),
        tiny_sd,
        [("claude monet", "art")],
        ["", "Rembrandt", "Banksy"],
        0.5,
        1.0,
        1 / 3,
    )


def test_some_of_the_artists_are_drawn_the_same_each_time():
    names = [f"artist {number}" for number in range(50)]
    chosen = other_names(names, ["Artist 3"], 10)
    assert chosen == other_names(names, ["artist 3"], 10)
    assert len(set(chosen)) == 10
    assert "artist 3" not in other_names(names, ["Artist 3"])


def test_artists_without_a_list_are_refused_before_anything_is_loaded(tiny_sd):
    with pytest.raises(MethodError, match="retain_file=FILE"):
        UCE(concept_type="art").check(tiny_sd.ref)


def test_a_list_that_cannot_be_read_is_refused_before_anything_is_loaded(tiny_sd, tmp_path):
    with pytest.raises(DataError, match=r"uce retain_file .*none\.txt: cannot be read"):
        UCE(retain_file=str(tmp_path / "none.txt")).check(tiny_sd.ref)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"variant": 2024}, "2023, 2025"),
        ({"variant": 2025, "technique": "tensor"}, "has none"),
        ({"templates": True, "concept_type": "other"}, "art or object"),
        ({"ridge": 0.0}, "must be positive"),
        ({"erase_scale": float("nan")}, "must be positive"),
        ({"preserve_scale": -1.0}, "must not be negative"),
        ({"retain_count": 0}, "at least 1"),
    ],
)
def test_invalid_settings_are_refused(settings, said):
    with pytest.raises(MethodError, match=said):
        UCE(**settings)


# --- captions


@pytest.fixture
def captions(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("a red train\nTwo BARN doors\na beehive\na piano\n", encoding="utf-8")
    return str(path)


def test_captions_that_name_what_is_edited_are_not_preserved(tiny_sd, captions):
    method = UCE(captions=captions, caption_count=4)
    retain = ["", "a red train", "a beehive", "a piano"]
    same(make_edit(method, tiny_sd), tiny_sd, PAIRS, retain, 0.5, 1.0, 0.25)


def test_captions_need_a_file_where_none_are_embedded(tiny_sd):
    with pytest.raises(MethodError, match="captions=FILE"):
        UCE(caption_count=4).check(tiny_sd.ref)

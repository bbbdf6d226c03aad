"""What closed forms read of texts is kept for all of them: an edit that names no new text asks no encoder."""

import pytest
import torch

from iceb.methods.common.attention import StateReader, preserved_moment
from iceb.methods.rece import RECE
from iceb.methods.speed import SPEED, editing
from iceb.methods.time import TIME
from iceb.methods.uce import UCE, UCEEmcid
from iceb.models import conditioning
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest
from iceb.stores.packs import read_keys
from iceb.stores.scratch import ScratchStore


def request(source: str, *dests: str) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, ("{}",), 0)


CAT, BARN = request("tabby cat", "dog"), request("barn", "red brick house")
SWEPT = [
    lambda scale: UCE(ridge=scale, retain=("a bee",)),
    lambda scale: UCEEmcid(ridge=scale),
    lambda scale: TIME(ridge=scale),
    lambda scale: RECE(ridge=scale),
    lambda scale: SPEED(retain_scale=scale, retain=("bee", "hen")),
]


def scratch(folder, owner="anybody"):
    return ScratchStore(folder, {"test": owner}, {})  # nothing they keep depends on a setting


@pytest.fixture
def encoded_texts(monkeypatch):
    """Every text that an encoder is asked for, in order."""
    asked, real = [], conditioning.TextReader._read
    monkeypatch.setattr(conditioning.TextReader, "_read", lambda self, texts: asked.extend(texts) or real(self, texts))
    return asked


def same(first: Edit, second: Edit) -> bool:
    return set(first.weights) == set(second.weights) and all(
        torch.equal(value, second.weights[name]) for name, value in first.weights.items()
    )


@pytest.mark.parametrize("method", SWEPT, ids=["uce", "uce-emcid", "time", "rece", "speed"])
def test_sweeping_a_scale_encodes_nothing_and_changes_no_bit(tiny_sd, tmp_path, encoded_texts, method):
    fresh = method(2.0).edit(tiny_sd, [CAT, BARN], context=MethodContext(scratch(tmp_path / "other")))
    method(1.0).edit(tiny_sd, [CAT, BARN], context=MethodContext(scratch(tmp_path)))
    assert encoded_texts
    encoded_texts.clear()
    assert same(method(2.0).edit(tiny_sd, [CAT, BARN], context=MethodContext(scratch(tmp_path))), fresh)
    assert not encoded_texts


@pytest.mark.parametrize("method", SWEPT[:4], ids=["uce", "uce-emcid", "time", "rece"])
def test_one_concept_more_encodes_that_one_and_one_less_nothing(tiny_sd, tmp_path, encoded_texts, method):
    method(1.0).edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path)))
    encoded_texts.clear()
    method(1.0).edit(tiny_sd, [CAT, BARN], context=MethodContext(scratch(tmp_path)))
    assert encoded_texts
    assert all("barn" in text or "brick house" in text for text in encoded_texts)
    encoded_texts.clear()
    method(1.0).edit(tiny_sd, [BARN], context=MethodContext(scratch(tmp_path)))
    assert not encoded_texts


def test_dropping_a_retained_text_that_is_edited_rereads_no_other_text(tiny_sd, tmp_path, encoded_texts):
    method = SPEED(retain=("a red barn", "bee", "hen"))
    fresh = method.edit(tiny_sd, [BARN], context=MethodContext(scratch(tmp_path / "other")))
    method.edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path)))
    encoded_texts.clear()
    found = method.edit(tiny_sd, [BARN], context=MethodContext(scratch(tmp_path)))
    assert same(found, fresh)
    assert set(encoded_texts) == {"barn", "red brick house"}
    assert found.log["retained_rows"] == 2


def test_a_projections_least_direction_is_computed_once_per_model(tiny_sd, tmp_path, monkeypatch):
    SPEED(retain=("bee",)).edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path)))
    monkeypatch.setattr(editing, "least_singular_vector", lambda *_, **__: pytest.fail("decomposed again"))
    SPEED(retain=("bee", "hen"), seed=1).edit(tiny_sd, [BARN], context=MethodContext(scratch(tmp_path)))


def test_without_neighbours_one_null_space_serves_all_projections(tiny_sd, tmp_path, monkeypatch):
    asked, real = [], editing.unused_directions
    monkeypatch.setattr(editing, "unused_directions", lambda *given: asked.append(given) or real(*given))
    edit = SPEED(retain=("bee", "hen"), neighbours=0).edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path)))
    assert len(asked) == 1 < len(edit.weights)


def test_another_method_takes_what_the_first_one_read(tiny_sd, tmp_path, encoded_texts):
    UCE().edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path, "uce")))
    encoded_texts.clear()
    UCEEmcid().edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path, "uce-emcid")))
    assert not encoded_texts


def test_a_model_whose_text_encoder_is_edited_reads_for_itself(tiny_sd, tmp_path):
    name = "text_encoder.encoder.layers.0.mlp.fc2.weight"
    plain = UCE().edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path)))
    with tiny_sd.applied(Edit({name: 1.5 * tiny_sd.parameter(name)})) as model:
        found = UCE().edit(model, [CAT], context=MethodContext(scratch(tmp_path)))
        fresh = UCE().edit(model, [CAT], context=MethodContext(scratch(tmp_path / "other")))
    assert same(found, fresh)
    assert not same(found, plain)
    assert same(UCE().edit(tiny_sd, [CAT], context=MethodContext(scratch(tmp_path))), plain)


def test_of_a_long_list_only_the_sum_is_kept(tiny_sd, tmp_path):
    kept = scratch(tmp_path)
    preserved_moment(StateReader(tiny_sd, kept), [f"text number {place}" for place in range(5)], "all", kept, tiny_sd)
    assert len(list(kept.folder.rglob("*.array"))) == 1
    (path,) = kept.texts.folder.rglob("*.pack")
    assert len(read_keys(path, "texts")) == 1  # the empty one, which tells the width

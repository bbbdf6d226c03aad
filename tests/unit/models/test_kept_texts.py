"""What texts mean to an unedited model is kept, given back exactly, and never given to a model that reads otherwise."""

import pytest
import torch

from iceb.models import conditioning
from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import TextReader
from iceb.specs.methods import Edit
from iceb.stores.packs import read_keys
from iceb.stores.text_states import TextStateStore

TEXTS = ["a photo of a cat", "a painting of a very old house"]


def edit_of(bundle, name, gain=1.5):
    return Edit(weights={name: gain * bundle.parameter(name).clone()})


def text_edit(bundle):
    return edit_of(bundle, "text_encoder.encoder.layers.0.mlp.fc2.weight")


def unet_edit(bundle):
    (name,) = list(bundle.parameters_named("unet.*attn2.to_k.weight"))[:1]
    return edit_of(bundle, name)


@pytest.fixture
def store(tmp_path):
    return TextStateStore(tmp_path)


@pytest.fixture
def unreadable(monkeypatch):
    """From here on no encoder may be asked."""
    return lambda: monkeypatch.setattr(conditioning, "_encode", lambda *_: pytest.fail("a text was encoded again"))


@torch.inference_mode()
def read(bundle, store, texts=TEXTS):
    return TextReader(bundle, store)(texts).states


def test_a_kept_text_is_bit_equal_to_a_read_one(tiny_sd, store, unreadable):
    plain = read(tiny_sd, None)
    assert torch.equal(read(tiny_sd, store), plain)
    unreadable()
    assert torch.equal(read(tiny_sd, store), plain)


def test_an_edit_of_the_denoiser_reads_what_is_kept(tiny_sd, store, unreadable):
    plain = read(tiny_sd, store)
    unreadable()
    with tiny_sd.applied(unet_edit(tiny_sd)) as edited:
        assert torch.equal(read(edited, store), plain)


def test_an_edit_of_the_text_encoder_neither_reads_nor_keeps(tiny_sd, store):
    plain = read(tiny_sd, store)
    with tiny_sd.applied(text_edit(tiny_sd)) as edited:
        other = read(edited, store, [*TEXTS, "a third text"])
        with edited.applied(unet_edit(edited)) as twice:  # what lies on top does not make it readable again
            assert torch.equal(read(twice, store), other[:2])
    assert not torch.equal(other[:2], plain)
    store.flush()
    assert sum(len(read_keys(path, "texts")) for path in store.folder.rglob("*.pack")) == len(TEXTS)


def test_another_model_has_texts_of_its_own(tiny_sd, tiny_sd21, store):
    read(tiny_sd, store)
    assert torch.equal(read(tiny_sd21, store), read(tiny_sd21, None))


def test_two_pipelines_in_memory_have_texts_of_their_own(tiny_sd, tiny_sd21, store):
    one, other = (ModelBundle.of_pipeline(bundle.pipeline) for bundle in (tiny_sd, tiny_sd21))
    assert one.base_digest == one.digest != other.base_digest
    read(one, store)
    assert torch.equal(read(other, store), read(other, None))


def test_two_encoders_keep_nothing(tiny_sdxl, store):
    read(tiny_sdxl, store)
    assert not store.folder.exists()


def test_a_damaged_file_is_read_anew(tiny_sd, tmp_path, store):
    plain = read(tiny_sd, store)
    store.flush()
    for path in store.folder.rglob("*.pack"):
        path.write_bytes(path.read_bytes()[:-200])
    assert torch.equal(read(tiny_sd, TextStateStore(tmp_path)), plain)

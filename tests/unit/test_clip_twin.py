"""Mini's CLIP twin: a folder that open_clip loads, what it answers, and the measures taken from its image tower.

All of it on a random network of the shipped layout. What the shipped weights reach is in tests/end_to_end/test_mini.py.
"""

import numpy as np
import open_clip
import pytest
import torch

from iceb.base.errors import MeasureError, ModelError
from iceb.conformance.parts.measures import check_measure
from iceb.metrics.measures.clip_twin import MiniEmbedding, MiniPerceptual
from iceb.mini.clip_twin import BATCH, ClipTwin
from iceb.specs.metrics import MeasureInput
from tests.contract.registering import by_name, failures
from tools.mini.clip_model import EMBED, encode_trimmed, new_network, save_network, tokenizer

TEXTS = ["a photo of a hen", "", "a painting by Claude Monet of a very small teapot in the forest, standing calmly"]


def pixels(count, height=32, width=32):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def pairs_of(images, others):
    return [MeasureInput(image, before) for image, before in zip(images, others, strict=True)]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return new_network().eval()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    save_network(network, folder)
    return folder


@pytest.fixture(scope="module")
def twin(folder):
    return ClipTwin.load(folder)


# The model


def test_open_clip_loads_the_folder_by_itself(folder, network):
    loaded = open_clip.create_model(f"local-dir:{folder}")
    for name, weight in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight.half().float()), name


def test_the_folder_is_below_12_megabytes(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12e6


def test_embeddings_of_images_and_texts_lie_on_one_sphere(twin):
    for found in (twin.image_embeddings(pixels(3)), twin.text_embeddings(TEXTS)):
        assert found.shape == (3, EMBED)
        assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_batches_do_not_change_an_embedding(twin):
    many = pixels(BATCH + 2)
    assert twin.image_embeddings(many)[BATCH:] == pytest.approx(twin.image_embeddings(many[BATCH:]), abs=1e-5)


def test_no_images_and_no_texts_are_no_rows(twin):
    assert len(twin.image_embeddings([])) == len(twin.text_embeddings([])) == 0


def test_the_layers_features_have_a_place_for_every_patch(twin):
    assert [layer.shape for layer in twin.layer_features(pixels(2))] == [(2, 96, 8, 8)] * 4


def test_texts_without_their_shared_padding_are_embedded_alike(network):
    ids = tokenizer()(TEXTS)
    with torch.no_grad():
        assert torch.allclose(encode_trimmed(network, ids), network.encode_text(ids), atol=1e-5)


def test_a_folder_without_a_model_is_explained(tmp_path):
    with pytest.raises(ModelError, match=r"cannot load the CLIP model in .*open_clip_config.json"):
        ClipTwin.load(tmp_path)


# Measures


def test_the_embedding_measure_gives_the_images_embedding(twin):
    found = MiniEmbedding(twin)([MeasureInput(image) for image in pixels(3)])
    assert found.dtype == np.float32
    assert found == pytest.approx(twin.image_embeddings(pixels(3)), abs=1e-6)


def test_an_image_has_no_perceptual_distance_from_itself(twin):
    images = pixels(3)
    assert MiniPerceptual(twin)(pairs_of(images, images)) == pytest.approx(np.zeros((3, 1)), abs=1e-9)


def test_the_perceptual_distance_is_symmetric_and_bounded(twin):
    images = pixels(6)
    there = MiniPerceptual(twin)(pairs_of(images[:3], images[3:]))
    back = MiniPerceptual(twin)(pairs_of(images[3:], images[:3]))
    assert there.shape == (3, 1)
    assert there == pytest.approx(back, rel=1e-5)
    assert ((there > 0) & (there <= 4)).all()


def test_the_perceptual_distance_is_that_of_scaled_features(twin):
    """LPIPS' formula with all weights 1, written out over places and features of one pair."""
    one, other = pixels(2)
    layers = []
    for layer in twin.layer_features([one, other]):
        places = layer.reshape(2, 96, 64)
        unit = places / np.linalg.norm(places, axis=1, keepdims=True)
        layers.append(np.mean([((unit[0, :, k] - unit[1, :, k]) ** 2).sum() for k in range(64)]))
    assert MiniPerceptual(twin)(pairs_of([one], [other]))[0, 0] == pytest.approx(np.mean(layers), rel=1e-4)


@pytest.mark.parametrize("kind", [MiniEmbedding, MiniPerceptual])
def test_no_inputs_are_no_rows(kind, twin):
    assert kind(twin)([]).shape == (0, EMBED if kind is MiniEmbedding else 1)


def test_an_image_alone_has_no_distance(twin):
    with pytest.raises(MeasureError, match="needs the one before the edit"):
        MiniPerceptual(twin)([MeasureInput(pixels(1)[0])])


@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_only_rgb_bytes_are_embedded(image, twin):
    with pytest.raises(MeasureError, match=r"clip_mini_embedding@1 got .*needs uint8 \(height, width, 3\)"):
        MiniEmbedding(twin)([MeasureInput(image)])


def test_numbers_that_are_not_finite_are_no_features(folder):
    broken = ClipTwin.load(folder)
    broken.network.visual.proj.data[0] = float("nan")
    with pytest.raises(MeasureError, match="not finite"):
        MiniEmbedding(broken)([MeasureInput(image) for image in pixels(2)])


@pytest.mark.parametrize("name", ["clip_mini_embedding", "perceptual_mini"])
def test_a_measure_by_the_twin_passes_every_check(name, folder, monkeypatch):
    """With the random network in the place of the shipped one, so that it holds without the weights too."""
    monkeypatch.setattr("iceb.mini.clip_twin.shipped_folder", lambda _: folder)
    monkeypatch.setattr("iceb.metrics.measures.clip_twin.shipped_folder", lambda _: folder)
    lines = by_name(check_measure(name))
    assert failures(lines.values()) == {}
    assert sum(line.status == "pass" for line in lines.values()) >= 15

"""CLIP models of open_clip, on small random networks of the exact layouts; nothing is fetched."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from iceb.base.errors import ModelError
from iceb.networks.open_clip_model import BATCH, OPENAI_MEAN, OPENAI_STD, WEIGHTS, OpenClip, fit_shorter_side

TEXTS = ["a photo of a hen", "", "a painting of a very small teapot in the forest, " * 20]
COMMIT = "0" * 40
SMALL: dict[str, Any] = {
    "embed_dim": 24,
    "quick_gelu": True,  # as OpenAI's models
    "vision_cfg": {"image_size": 28, "patch_size": 14, "width": 32, "head_width": 8, "layers": 2},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def write_folder(folder: Path, weights: str = WEIGHTS[0], **preparation: Any) -> Path:
    """A folder as open_clip writes it, of a random network."""
    torch.manual_seed(3)
    state = {name: tensor.contiguous() for name, tensor in open_clip.CLIP(**SMALL).state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    said = {"mean": list(OPENAI_MEAN), "std": list(OPENAI_STD), **preparation}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": SMALL, "preprocess_cfg": said}))
    if weights.endswith(".bin"):
        torch.save(state, folder / weights)
    else:
        save_file(state, folder / weights)
    return folder


def pixels(count: int, height: int = 40, width: int = 33) -> list[np.ndarray[Any, Any]]:
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("open_clip"))


@pytest.fixture(scope="module")
def model(folder):
    return OpenClip.load(folder)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_each_name_of_the_weights_is_loaded(tmp_path, weights, model):
    loaded = OpenClip.load(write_folder(tmp_path, weights))
    assert (loaded.text_embeddings(TEXTS) == model.text_embeddings(TEXTS)).all()


def test_a_repository_is_taken_from_the_cache_at_its_commit(tmp_path, monkeypatch, model):
    """The cache's layout: the weights of another commit beside those of the one that is asked for."""
    hub = tmp_path / "hub"
    write_folder(hub / "models--owner--clip" / "snapshots" / COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(hub))
    loaded = OpenClip.load("owner/clip", revision=COMMIT)
    assert (loaded.image_embeddings(pixels(2)) == model.image_embeddings(pixels(2))).all()
    with pytest.raises(ModelError, match="cannot load the CLIP model owner/clip"):
        OpenClip.load("owner/clip", revision="1" * 40)


def test_loading_draws_no_number_of_the_process(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    OpenClip.load(folder)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("height", "width"), [(28, 28), (40, 33), (33, 40), (300, 100), (512, 512), (29, 28), (20, 25)]
)
def test_the_preparation_is_open_clips(folder, model, height, width):
    _, prepare = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    (image,) = pixels(1, height, width)
    assert model.prepare(image) == pytest.approx(prepare(Image.fromarray(image)).numpy(), abs=1e-6)


def test_embeddings_are_open_clips_of_norm_1(folder, model):
    network, prepare = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    with torch.inference_mode():
        ready = torch.stack([prepare(Image.fromarray(image)) for image in pixels(3)])
        images = network.eval().encode_image(ready, normalize=True).numpy()
        texts = network.encode_text(open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS), normalize=True).numpy()
    assert model.image_embeddings(pixels(3)) == pytest.approx(images, abs=1e-6)
    assert model.text_embeddings(TEXTS) == pytest.approx(texts, abs=1e-6)
    for found in (model.image_embeddings(pixels(3)), model.text_embeddings(TEXTS)):
        assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_batches_do_not_change_an_embedding(model):
    many, texts = pixels(BATCH + 2), [f"text {place}" for place in range(BATCH + 2)]
    assert model.image_embeddings(many)[BATCH:] == pytest.approx(model.image_embeddings(many[BATCH:]), abs=1e-5)
    assert model.text_embeddings(texts)[BATCH:] == pytest.approx(model.text_embeddings(texts[BATCH:]), abs=1e-5)


def test_no_images_and_no_texts_are_no_rows(model):
    assert len(model.image_embeddings([])) == len(model.text_embeddings([])) == 0


def test_the_middle_of_the_longer_side_is_kept():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255
    assert np.asarray(fit_shorter_side(Image.fromarray(image), 10)).min() == 255


@pytest.mark.parametrize(
    ("preparation", "words"),
    [
        ({"interpolation": "bilinear"}, "asks for interpolation 'bilinear'"),
        ({"resize_mode": "squash"}, "asks for resize_mode 'squash'"),
        ({"mean": [0.5]}, "has 1 means and 3 deviations"),
    ],
)
def test_another_preparation_is_refused(tmp_path, preparation, words):
    with pytest.raises(ModelError, match=words):
        OpenClip.load(write_folder(tmp_path, **preparation))


def test_a_folder_without_a_model_is_explained(tmp_path):
    with pytest.raises(ModelError, match=r"cannot load the CLIP model .* has no open_clip_model.safetensors or"):
        OpenClip.load(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    folder = write_folder(tmp_path)
    save_file({"logit_scale": torch.zeros(())}, folder / WEIGHTS[0])
    with pytest.raises(ModelError, match="cannot load the CLIP model"):
        OpenClip.load(folder)

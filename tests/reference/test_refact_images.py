"""ReFACT's other objectives: losses, images and the divergence, on tiny random models."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from iceb.base.errors import DataError, MethodError
from iceb.methods.refact import ReFACT
from iceb.methods.refact.images import ImageTower, fit_image, read_zip
from iceb.methods.refact.losses import Terms, divergence, likelihood
from iceb.models.drawing import seeded_images
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef
from tests.memory import Memory

REQUEST = EditRequest("t/1", "golden retriever", ("bee",), ("{}",), 1)
SCORES = torch.tensor([[1.0, 0.5, 3.0, -1.0], [0.2, 2.0, 0.0, 0.3]], dtype=torch.float64)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The two files of a tiny random CLIPModel whose text side is as wide as the tiny pipelines'."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(5)
    small = {"hidden_size": 32, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "hidden_size": 16, "image_size": 16, "patch_size": 8}
    config = CLIPConfig(text_config={**small, "vocab_size": 50}, vision_config=vision, projection_dim=8)
    folder = tmp_path_factory.mktemp("clip")
    CLIPModel(config).save_pretrained(folder)
    return {"projection": str(folder / "model.safetensors"), "clip_config": str(folder / "config.json")}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Three images of one colour each, put in out of order, beside a file that is none."""
    folder = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(folder / "others.zip", "w") as made:
        for name, colour in (("c.png", "red"), ("a.png", "green"), ("b.png", "blue")):
            Image.new("RGB", (24, 20), colour).save(folder / name)
            made.write(folder / name, f"images/{name}")
        made.writestr("images/README.txt", "no image")
    return str(folder / "others.zip")


@pytest.fixture
def method(clip, archive, tmp_path):
    texts = tmp_path / "kept.txt"
    texts.write_text("a plate of food\ntwo men\n", encoding="utf-8")
    base = ReFACT(layer=1, steps=3, rate=0.3, moment=False, templates=("a photo of {}",), **clip)
    return replace(base, images=archive, image_count=3, kl_texts=str(texts))


# --- losses


def test_the_likelihood_of_one_new_feature_is_a_softmax():
    found, probability = likelihood(SCORES, 1, "contrastive_text")
    chances = SCORES.log_softmax(dim=1)[:, 0]
    torch.testing.assert_close(found, -chances.mean())
    assert probability == pytest.approx(float(chances.exp().mean()))


def test_several_new_images_do_not_compete_with_each_other():
    found, probability = likelihood(SCORES, 2, "contrastive")
    chances = [SCORES[:, [index, 2, 3]].log_softmax(dim=1)[:, 0] for index in (0, 1)]
    torch.testing.assert_close(found, -(chances[0] + chances[1]).mean())
    both = (chances[0].exp().mean() + (chances[0] + chances[1]).exp().mean()) / 2  # multiplied up, as the authors' is
    assert probability == pytest.approx(float(both))


@pytest.mark.parametrize("objective", ["direct", "direct_text"])
def test_a_direct_loss_is_the_score_and_never_stops_the_search(objective):
    found, probability = likelihood(SCORES, 2, objective)
    torch.testing.assert_close(found, -SCORES[:, :2].sum(dim=1).mean())
    assert not Terms(found, SCORES.new_zeros(()), SCORES.new_zeros(()), probability).is_enough(objective, 0.0)


def test_only_the_contrastive_search_on_images_stops_at_a_small_loss():
    terms = Terms(torch.tensor(0.03), torch.tensor(0.01), torch.tensor(0.0), 0.5)
    assert terms.is_enough("contrastive", 0.99)
    assert not terms.is_enough("contrastive_text", 0.99)
    assert not replace(terms, penalty=torch.tensor(0.02)).is_enough("contrastive", 0.99)  # the whole loss counts


def test_the_divergence_is_that_of_now_from_before():
    now, before = SCORES.log_softmax(dim=1), SCORES.flip(1).log_softmax(dim=1)
    wanted = torch.distributions.kl_divergence(*(torch.distributions.Categorical(logits=x) for x in (now, before)))
    torch.testing.assert_close(divergence(now, before), wanted.mean())
    assert float(divergence(now, before)) > 0 == float(divergence(now, now))


# --- images


def test_an_image_is_scaled_by_its_shorter_side_and_its_middle_is_kept():
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, 16:32] = 255
    seen = fit_image(Image.fromarray(pixels), 16)
    assert seen.shape == (3, 16, 16)
    assert seen[:, :, 2:-2].flatten(1).std(dim=1).max() == 0  # all white
    torch.testing.assert_close(seen[:, 8, 8], torch.tensor([1.9303, 2.0749, 2.1459]), rtol=0, atol=1e-4)


def test_the_image_tower_is_the_librarys(clip):
    from transformers import CLIPModel

    tower = ImageTower(clip["projection"], clip["clip_config"], torch.zeros(()))
    model = CLIPModel.from_pretrained(clip["projection"].removesuffix("model.safetensors"))
    shown = [Image.new("RGB", (20, 30), colour) for colour in ("red", "blue")]
    with torch.no_grad():
        states = model.vision_model(torch.stack([fit_image(image, 16) for image in shown])).pooler_output
        torch.testing.assert_close(tower(shown), model.visual_projection(states))
    assert tower([]).shape == (0, 8)


def test_images_of_an_archive_are_read_in_the_order_of_their_names(archive):
    assert [image.getpixel((0, 0)) for image in read_zip(archive, 2)] == [(0, 128, 0), (0, 0, 255)]
    with pytest.raises(DataError, match="3 images, and image_count asks for 4"):
        read_zip(archive, 4)


# --- the method


@pytest.fixture
def quickly(monkeypatch):
    """Images are drawn small and in two steps."""

    def short(bundle, texts, seeds, sampling):
        return seeded_images(bundle, texts, seeds, replace(sampling, steps=2, width=32, height=32))

    monkeypatch.setattr("iceb.methods.refact.objectives.seeded_images", short)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "contrastive"},
        {"objective": "direct", "new_images": 2, "kl": 10.0},
        {"objective": "direct_text"},
        {"objective": "contrastive_text", "kl": 10.0, "metric": "cosine"},
    ],
)
def test_every_objective_writes_one_rank(tiny_sd, method, settings):
    ((name, weight),) = (
        replace(method, **settings).edit(tiny_sd, [REQUEST], context=MethodContext(Memory())).weights.items()
    )
    assert torch.linalg.matrix_rank(weight.double() - tiny_sd.parameter(name).double(), rtol=1e-4) == 1


def test_a_weight_on_the_divergence_changes_the_edit(tiny_sd, method):
    scratch = Memory()
    plain, held = (
        made.edit(tiny_sd, [REQUEST], context=MethodContext(scratch.of(made))).weights
        for made in (replace(method, kl=0.0), replace(method, kl=1e4))
    )
    assert all(not torch.equal(plain[name], held[name]) for name in plain)


def test_two_text_encoders_are_refused_where_images_count(tiny_sdxl, method):
    with pytest.raises(MethodError, match="this model has 2"):
        replace(method, kl=1.0).edit(tiny_sdxl, [REQUEST], context=MethodContext(Memory()))
    with pytest.raises(MethodError, match="this model has 2"):
        replace(method, objective="direct").check(ModelRef("sdxl", "somebody/xl", "1" * 40))


def test_files_that_image_objectives_need_are_named(method):
    for wrong, said in (
        ({"objective": "direct", "clip_config": None}, "needs CLIP's image tower"),
        ({"kl": 1.0, "kl_texts": None}, "kl_texts=FILE"),
        ({"kl": 1.0, "images": None}, "images=FILE"),
        ({"kl": -1.0}, "must not be negative"),
        ({"objective": "images"}, "refact objective 'images': must be one of contrastive_text"),
    ):
        with pytest.raises(MethodError, match=said):
            replace(method, **wrong)


def test_unfit_files_are_refused_before_any_model_is_loaded(method, clip, tmp_path):
    ref = ModelRef("sd14", "somebody/sd", "1" * 40)
    replace(method, kl=1.0).check(ref)
    for wrong, said in (
        ({"clip_config": clip["projection"]}, "name the config.json of a CLIPModel"),
        ({"images": clip["clip_config"]}, "name a zip archive"),
        ({"kl_texts": str(tmp_path / "none.txt")}, "is no file"),
    ):
        with pytest.raises(DataError, match=said):
            replace(method, **wrong).check(ref)

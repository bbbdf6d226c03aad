"""The judge: its preparation, its batches, and that what fails is an error and never a number."""

from types import SimpleNamespace

import numpy as np
import pytest

from iceb.base.errors import MeasureError, ModelError
from iceb.metrics.measures.classifier import (
    BATCH,
    VIT_REVISION,
    Backbone,
    ImageNetProbability,
    MiniProbability,
    load_backbone,
)
from iceb.specs.metrics import MeasureInput

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def pixels(count, height=24, width=20):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def images(count):
    """Images as a measure gets them."""
    return [MeasureInput(image) for image in pixels(count)]


def backbone(network, size=16):
    return Backbone(network, "pin", size, size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def answering(logits):
    """A network that answers every image with the same logits (1000,)."""
    return lambda pixel_values: SimpleNamespace(logits=logits.expand(len(pixel_values), -1))


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory):
    """A random ViT over 1000 classes, stored in half precision as the embedded judge is."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vit")
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        num_labels=1000,
    )
    ViTForImageClassification(config).half().save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def judge(vit_folder):
    return ImageNetProbability(load_backbone(vit_folder, pin="tiny"))


def test_probabilities_are_a_row_of_1000_that_sums_to_one(judge):
    found = judge(images(3))
    assert found.shape == (3, 1000)
    assert found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_batches_do_not_change_what_is_seen(judge):
    many = images(BATCH + 3)
    assert judge(many)[BATCH:] == pytest.approx(judge(many[BATCH:]), abs=1e-6)


def test_no_images_are_no_rows(judge):
    assert judge([]).shape == (0, 1000)


def test_half_precision_weights_are_evaluated_in_full(judge):
    assert {parameter.dtype for parameter in judge.backbone.network.parameters()} == {torch.float32}
    assert not judge.backbone.network.training


@pytest.mark.parametrize("size", [(24, 20), (16, 16), (7, 40)])
def test_the_preparation_is_the_librarys_on_pillow(judge, vit_folder, size):
    transformers = pytest.importorskip("transformers")
    processor = getattr(transformers, "ViTImageProcessorPil", None)
    if processor is None:
        pytest.skip("this version of transformers has no Pillow preparation to compare with")
    theirs = processor.from_pretrained(vit_folder)(pixels(4, *size), return_tensors="np")["pixel_values"]
    ours = np.stack([judge.backbone.prepare(image) for image in pixels(4, *size)])
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_an_error(bad):
    logits = torch.zeros(1, 1000)
    logits[0, 3] = bad
    with pytest.raises(MeasureError, match=r"vit_b16_imagenet@1 gave shape .* not finite"):
        ImageNetProbability(backbone(answering(logits)))(images(2))


def test_a_network_that_crashes_is_an_error():
    def crash(pixel_values):
        raise RuntimeError("no such kernel")

    with pytest.raises(MeasureError, match="failed on 2 images: no such kernel"):
        ImageNetProbability(backbone(crash))(images(2))


def test_a_network_with_other_classes_is_an_error():
    with pytest.raises(MeasureError, match=r"gave shape \(2, 10\)"):
        ImageNetProbability(backbone(answering(torch.zeros(1, 10))))(images(2))


@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_anything_but_rgb_bytes_is_refused(image):
    with pytest.raises(MeasureError, match=r"needs uint8 \(height, width, 3\)"):
        ImageNetProbability(backbone(answering(torch.zeros(1, 1000))))([MeasureInput(image)])


def test_the_real_judge_is_pinned_and_not_loaded_before_it_is_needed():
    judge = ImageNetProbability()
    assert judge.id == "vit_b16_imagenet@1"
    assert judge.revision == VIT_REVISION == "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3"
    assert judge.inputs == "image"


def test_weights_that_are_not_there_are_explained(tmp_path):
    with pytest.raises(ModelError, match=r"cannot load the classifier .*HF_HOME"):
        load_backbone(tmp_path / "nothing")


def test_the_embedded_judge_is_the_shipped_one():
    judge = MiniProbability()
    assert judge.id == "vit_mini@1"
    try:
        assert len(judge.revision) == 64
    except ModelError:
        pytest.skip("the embedded judge's weights are not in this checkout yet")

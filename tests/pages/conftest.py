"""Pages are carried out once, with one process that holds the libraries, one small model and one cache."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import save_sd
from tests.pages.carrying_out import Scratch, make_scratch


@pytest.fixture(scope="session")
def small_mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random pipeline with as many text layers as mini has."""
    return save_sd(tmp_path_factory.mktemp("small") / "mini", layers=12)


@pytest.fixture(scope="session")
def pages_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages draw, they draw once."""
    return tmp_path_factory.mktemp("pages-cache")


@pytest.fixture
def scratch(tmp_path: Path, warm_python: Path, small_mini: Path, pages_cache: Path) -> Callable[[Path], Scratch]:
    """Make the folder in which a page is carried out."""
    return lambda page: make_scratch(page, tmp_path, warm_python, pages_cache, small_mini)

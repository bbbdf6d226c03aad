"""The wheel holds the package and nothing else, and works away from the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("iceb", "methods", "metrics", "baselines", "data_cards")
FILES = ("pyproject.toml", "README.md", "LICENSE")
MOST_BYTES = 60_000_000  # mini's weights and data are most of it


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy so that the checkout stays clean."""
    source = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "-w", str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_adds_one_name_to_site_packages(wheel):
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert names == {"iceb", f"iceb-{PROJECT['project']['version']}.dist-info"}


def test_the_wheel_is_at_most_sixty_megabytes(wheel):
    assert wheel.stat().st_size <= MOST_BYTES


def test_the_wheel_holds_every_module_and_data_file_of_the_checkout(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "iceb").rglob("*") if _ships(path)}
    for folder in FOLDERS[1:]:
        wanted |= {f"iceb/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*") if _ships(path)}
    assert sorted(wanted - held) == []


def _ships(path: Path) -> bool:
    """Code, cards and settings; a folder's README is for readers of the checkout."""
    card = path.name.startswith("card") or path.parent.name in ("data_cards", "cards")
    return path.is_file() and "__pycache__" not in path.parts and (path.suffix != ".md" or card)


def test_the_wheel_works_away_from_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    places = python("-c", "import iceb, iceb.baselines.controls as c; print(iceb.__file__); print(c.__file__)")
    assert all(Path(line).is_relative_to(site) for line in places.splitlines())
    assert "emcid" in python("-m", "iceb", "list", "methods")
    assert "aice_embedded" in python("-m", "iceb", "list", "datasets")

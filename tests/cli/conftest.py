"""The real command on a tiny model: the example plugin's method, measure, metric and task, and a faulty method."""

import json
import os
import shutil
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from iceb import registry

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "plugin" / "iceb-example"
EXTRA = {
    "methods": [("token_swap", "iceb_example.method:TokenSwap"), ("faulty", "faulty:Faulty")],
    "measures": [("colour_classes", "iceb_example.measures:ColourClasses")],
    "metrics": [("flip_rate", "iceb_example.metrics:FLIP_RATE")],
    "tasks": [("aice_flips", "iceb_example.tasks:AICE_FLIPS")],
}
DECLARATION = {
    "sampling": {"scheduler": "ddim", "steps": 2, "guidance": 3.0, "height": 32, "width": 32},
    "measures": {"imagenet_classifier": "colour_classes"},
}


def copy_with_declaration(folder: Path, target: Path) -> Path:
    """A copy of a model folder that says how it is drawn and measured."""
    shutil.copytree(folder, target)
    (target / "iceb.json").write_text(json.dumps(DECLARATION), encoding="utf-8")
    return target


@pytest.fixture(scope="session")
def model(tiny_sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Stable Diffusion, as `--model FOLDER` names it."""
    return copy_with_declaration(tiny_sd_folder, tmp_path_factory.mktemp("cli") / "model")


@pytest.fixture(scope="session")
def model_xl(tiny_sdxl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Stable Diffusion XL, likewise."""
    return copy_with_declaration(tiny_sdxl_folder, tmp_path_factory.mktemp("cli") / "model_xl")


@pytest.fixture(scope="session")
def data() -> str:
    """What `--data` names."""
    return "embedded"


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the tests that do not look into it."""
    return tmp_path_factory.mktemp("cli-cache")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the example package as if it were installed."""
    site = tmp_path_factory.mktemp("site")
    record = site / "iceb_example-0.3.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: iceb-example\nVersion: 0.3.0\n", encoding="utf-8")
    lines = [
        line
        for group, entries in EXTRA.items()
        for line in [f"[iceb.{group}]", *(f"{name} = {place}" for name, place in entries)]
    ]
    (record / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = os.pathsep.join([str(site), str(EXAMPLE), str(Path(__file__).parent)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> None:
    """The example package and the faulty method, as if they were installed."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("ICEB_CACHE", str(shared_cache))
    monkeypatch.setattr(registry, "entry_points", with_the_extra_ones)


def with_the_extra_ones(group: str) -> list[EntryPoint]:
    """The installed entry points and EXTRA's: one function for all tests, for the registry keeps what one finds."""
    extra = EXTRA.get(group.removeprefix("iceb."), [])
    return [*entry_points(group=group), *(EntryPoint(name, place, group) for name, place in extra)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder, with a file beside it that nothing may touch."""
    (tmp_path / "victim.png").write_bytes(b"untouched")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ICEB_CACHE", str(folder / "cache"))
    yield folder
    assert (tmp_path / "victim.png").read_bytes() == b"untouched"


@pytest.fixture
def arguments(model, data, tmp_path):
    """The arguments of a run of few images; a test adds its own."""

    def build(*more: str) -> list[str]:
        base = ["evaluate", "--method", "token_swap", "--task", "aice_flips", "--num-edits", "1", "--device", "cpu"]
        base += ["--model", str(model), "--data", data, "--limit", "2"]
        return [*base, "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "runs"), *more]

    return build

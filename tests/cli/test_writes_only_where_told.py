"""Importing iceb and running it writes nothing outside the cache and the output folder, and asks no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = """
import socket

def refused(*arguments, **named):
    raise AssertionError(f"the network was asked: {arguments}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
"""
IMPORTS = """
import importlib, pkgutil, sys
import iceb

def modules(package):
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            yield found.name
            yield from modules(module) if found.ispkg else ()

names = [name for name in modules(iceb)]
assert len(names) > 100, names
assert "onnxruntime" not in sys.modules
"""
EVALUATE = """
import sys
from iceb.cli.main import run
command = ["evaluate", "--method", "embedding_swap", "--task", "aice", "--num-edits", "1", "--limit", "1"]
code = run([*command, "--cache", sys.argv[1], "--out", sys.argv[2]])
assert "onnxruntime" not in sys.modules
sys.exit(code)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def python(home: Path, program: str, *arguments: str) -> None:
    """Run a program whose home, XDG and temporary folders are below `home`, with a network that refuses."""
    guard = home.parent / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    (home / "tmp").mkdir()
    folders = {name: str(home) for name in ("HOME", "USERPROFILE", "HF_HOME", "TORCH_HOME")}
    folders |= {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HF_", "ICEB_"))}
    environment = {**kept, **folders, "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(guard), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_importing_every_module_writes_nothing(home):
    python(home, IMPORTS)
    assert files(home) == []


def test_a_run_writes_to_its_cache_and_its_output_folder_alone(home, tmp_path):
    python(home, EVALUATE, str(tmp_path / "cache"), str(tmp_path / "out"))
    assert files(home) == []
    assert {path.name for path in tmp_path.iterdir()} == {"home", "guard", "cache", "out"}
    assert any(name.endswith("result.json") for name in files(tmp_path / "out"))

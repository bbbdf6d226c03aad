"""Importing iceb and running it writes nothing outside the cache and the output folder, and asks no network."""

import json
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
PROGRAM = """
import importlib, json, pkgutil, sys
from pathlib import Path
import iceb

def modules(package):
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            yield found.name
            yield from modules(module) if found.ispkg else ()

home, cache, out = sys.argv[1:]
names = [name for name in modules(iceb)]
assert len(names) > 100, names
assert "onnxruntime" not in sys.modules
written = [str(path) for path in Path(home).rglob("*") if not path.is_dir()]
Path(cache).with_name("imported.json").write_text(json.dumps(written))
from iceb.cli.main import run
command = ["evaluate", "--method", "embedding_swap", "--task", "aice", "--num-edits", "1", "--limit", "1"]
few = ["--steps", "2", "--images-per-pass", "1"]
code = run([*command, *few, "--cache", cache, "--out", out])
assert "onnxruntime" not in sys.modules
sys.exit(code)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a process imported every module, listed the files of its home in imported.json, and ran a command.

    Its home, XDG and temporary folders are below `home`, and its network refuses.
    """
    folder = tmp_path_factory.mktemp("told")
    home, guard = folder / "home", folder / "guard"
    for each in (home, guard, home / "tmp"):
        each.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    folders = {name: str(home) for name in ("HOME", "USERPROFILE", "HF_HOME", "TORCH_HOME")}
    folders |= {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HF_", "ICEB_"))}
    environment = {**kept, **folders, "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(guard), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(home), str(folder / "cache"), str(folder / "out")]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_importing_every_module_writes_nothing(folder):
    assert json.loads((folder / "imported.json").read_text()) == []


def test_a_run_writes_to_its_cache_and_its_output_folder_alone(folder):
    assert files(folder / "home") == []
    assert {path.name for path in folder.iterdir()} == {"home", "guard", "imported.json", "cache", "out"}
    assert any(name.endswith("result.json") for name in files(folder / "out"))

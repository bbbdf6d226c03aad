"""Models are opened with deterministic kernels on a GPU, and nothing changes on a CPU."""

import ast
from pathlib import Path

import pytest
import torch

import iceb
from iceb.models.environment import modes
from iceb.models.opening import FAST, choose_kernels, open_model
from iceb.models.sources import find

ROOT = Path(iceb.__file__).parent


@pytest.fixture(autouse=True)
def kernels_as_before(monkeypatch):
    """cuDNN's modes as torch starts with them, put back after each test."""
    for name in ("deterministic", "benchmark"):
        monkeypatch.setattr(torch.backends.cudnn, name, name == "benchmark")
    monkeypatch.delenv(FAST, raising=False)


def test_a_gpus_kernels_are_deterministic_and_keys_say_so():
    choose_kernels(torch.device("cuda", 1))
    found = modes("cuda")
    assert (found["cudnn_deterministic"], found["cudnn_benchmark"]) == (True, False)


def test_fast_kernels_can_be_asked_for_and_have_other_keys(monkeypatch):
    monkeypatch.setenv(FAST, "1")
    before = modes("cuda")
    choose_kernels(torch.device("cuda"))
    assert modes("cuda") == before
    assert not before["cudnn_deterministic"]


def test_on_a_cpu_nothing_changes():
    before = modes("cuda"), modes("cpu")
    assert open_model(find("mini"), "cpu").device.type == "cpu"
    assert (modes("cuda"), modes("cpu")) == before


def test_every_model_that_may_lie_on_a_gpu_is_opened_so():
    calls = [
        (path, call)
        for path in ROOT.rglob("*.py")
        if path.name != "opening.py" and "ModelBundle(" in path.read_text()
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ModelBundle"
    ]
    assert calls
    assert [str(path) for path, call in calls if ast.unparse(call.args[1]) != "'cpu'"] == []

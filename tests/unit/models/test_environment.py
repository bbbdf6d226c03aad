"""Whatever changes the bits of an image beside weights and settings stands in the environment."""

from importlib.metadata import version

import pytest
import torch

from iceb.base import code
from iceb.models import environment as environments
from iceb.models.environment import environment, modes


@pytest.fixture(autouse=True)
def modes_as_before():
    """Torch's modes, put back after each test."""
    backends = torch.backends
    precision = torch.get_float32_matmul_precision()
    before = backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic
    yield
    torch.set_float32_matmul_precision(precision)
    backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic = before
    torch.use_deterministic_algorithms(False)
    torch.set_default_dtype(torch.float32)
    backends.mkldnn.set_flags(True)
    torch.backends.cuda.enable_flash_sdp(True)


CHANGES = {
    "default number format": lambda: torch.set_default_dtype(torch.float64),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
}
ON_CPU = {**CHANGES, "mkldnn": lambda: torch.backends.mkldnn.set_flags(False)}
ON_GPU = {
    **CHANGES,
    "TF32 in matmuls": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "TF32 in convolutions": lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    "cuDNN benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "cuDNN deterministic": lambda: setattr(torch.backends.cudnn, "deterministic", True),
    "attention kernels": lambda: torch.backends.cuda.enable_flash_sdp(False),
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [("cpu", name) for name in ON_CPU] + [("cuda", name) for name in ON_GPU],
)
def test_a_mode_that_changes_bits_is_read(kind, change):
    before = modes(kind)
    ({"cpu": ON_CPU, "cuda": ON_GPU}[kind])[change]()
    assert modes(kind) != before


def test_versions_are_whole_with_the_build_of_torch(tiny_sd):
    found = environment(tiny_sd)
    assert found["torch"] == torch.__version__
    assert (found["diffusers"], found["transformers"]) == (version("diffusers"), version("transformers"))


def test_a_change_in_the_drawing_code_changes_the_environment(tiny_sd, monkeypatch):
    before = environment(tiny_sd)
    changed = code.module_file("iceb.models.threads")  # which drawing imports
    real = code.file_digest
    monkeypatch.setattr(code, "file_digest", lambda path: "new" if path == changed else real(path))
    monkeypatch.setattr(environments, "modules_digest", code.modules_digest.__wrapped__)
    after = environment(tiny_sd)
    assert {name for name in before if before[name] != after[name]} == {"drawing"}


def test_the_number_of_threads_is_not_in_the_environment(tiny_sd):
    before, threads = environment(tiny_sd), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert environment(tiny_sd) == before
    finally:
        torch.set_num_threads(threads)

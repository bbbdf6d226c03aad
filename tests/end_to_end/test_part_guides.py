"""The guides for datasets and metrics word for word: their packages install, and their commands do as printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.test_guides import SMALL
from tests.unit.test_adding_parts import DATASET, METRIC, block

FILES = {
    DATASET: {
        "pyproject.toml": ("toml", "pyproject.toml"),
        "iceb_orchestra/__init__.py": ("python", "iceb_orchestra/__init__.py"),
        "iceb_orchestra/orchestra.json": ("json", ""),
        "iceb_orchestra/orchestra.md": ("markdown", ""),
    },
    METRIC: {"pyproject.toml": ("toml", "pyproject.toml"), "iceb_ssim.py": ("python", "iceb_ssim.py")},
}


def commands(page: Path) -> list[str]:
    """Every command of a guide, in order."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line for lines in blocks for line in lines.splitlines()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which both packages were installed, offline."""
    target = tmp_path_factory.mktemp("part_guides") / "site"
    for page, files in FILES.items():
        source = tmp_path_factory.mktemp("source")
        for place, (language, name) in files.items():
            (source / place).parent.mkdir(exist_ok=True)
            (source / place).write_text(block(page, language, name), encoding="utf-8")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
        done = subprocess.run([*install, "--target", target, source], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def told(site, tiny_sd_folder, tmp_path):
    """What a command says that went well, on a small model in the place of mini."""
    (tmp_path / "sitecustomize.py").write_text(SMALL)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(site)]),
        "SMALL_MINI": str(tiny_sd_folder),
        "ICEB_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }

    def run(command: str) -> str:
        program, *arguments = command.split()
        assert program == "iceb"
        line = [sys.executable, "-m", "iceb", *arguments]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_the_datasets_guide_does_as_printed(told):
    evaluate, dataset, task = commands(DATASET)
    show, status = re.findall(r"`(iceb (?:show dataset|data status) orchestra)`", DATASET.read_text(encoding="utf-8"))
    scores = told(evaluate)
    for metric, images, concepts in (("edit_score", 60, 10), ("alias2dest", 24, 4), ("holdout_delta", 36, 6)):
        assert re.search(rf"^ {metric} .* {images} +{concepts} ", scores, re.MULTILINE), scores
    assert "title: Instruments turned into others" in told(show)
    assert told(status).startswith("orchestra: rows is here (")
    for command in (dataset, task):
        assert ", 0 failed, " in told(command).splitlines()[-1]


@pytest.mark.slow
def test_the_metrics_guide_does_as_printed(told):
    evaluate, *checks = commands(METRIC)
    scores = told(evaluate)
    for metric in ("source_changed ↑", "holdout_changed ↓"):
        assert re.search(rf"^ {metric} .* \+0\.[0-9]+ ", scores, re.MULTILINE), scores
    assert len(checks) == 3
    for command in checks:
        assert ", 0 failed, " in told(command).splitlines()[-1]

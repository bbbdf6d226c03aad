"""README and guide word for word: their packages install, and the guide's commands do as printed, on a small mini."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "adding_a_method.md"
PACKAGES = {README: ("my_method.py", "my_swap"), GUIDE: ("iceb_nudge.py", "nudge")}
SMALL = """
# What stands for mini and AICE here: a random pipeline drawn in one step, an image of each sixth holdout class, a clean
# checkout.
import os
from dataclasses import replace
from pathlib import Path
from iceb.models import families, sources
families.FAMILIES["mini"] = replace(
    families.FAMILIES["mini"], sampling=replace(families.FAMILIES["mini"].sampling, steps=1), block={"cpu": 64}
)
sources.shipped_folder = lambda family: Path(os.environ["SMALL_MINI"])
from iceb.datasets import aice as imagenet
imagenet.HOLDOUT_PROMPTS, whole = 1, imagenet._holdout
imagenet._holdout = lambda classes: whole(classes[::6])
from iceb.runs import provenance
provenance.checkout = lambda package: ("0" * 40, False)
"""


def block(page: Path, language: str, name: str) -> str:
    """The code block that begins with a file's name."""
    found = re.search(rf"```{language}\n# {re.escape(name)}.*?\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{page.name} has no block {name}"
    return found[1]


def step(number: int) -> str:
    """The commands of a step of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    section = re.search(rf"^## {number}\. .*?(?=^## )", text, re.DOTALL | re.MULTILINE)
    assert section
    return "\n".join(re.findall(r"```bash\n(.*?)```", section[0], re.DOTALL))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which both packages were installed, offline."""
    target = tmp_path_factory.mktemp("guides") / "site"
    for page, (module, _) in PACKAGES.items():
        source = tmp_path_factory.mktemp("source")
        (source / module).write_text(block(page, "python", module), encoding="utf-8")
        (source / "pyproject.toml").write_text(block(page, "toml", "pyproject.toml"), encoding="utf-8")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
        done = subprocess.run([*install, "--target", target, source], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def shell(site, tiny_sd_folder, tmp_path):
    """Runs lines as a user's shell does, in a folder with an empty leaderboard; the output of lines that went well."""
    programs, folder = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    (programs / "iceb").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m iceb "$@"\n')
    (programs / "iceb").chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(SMALL)
    (folder / "leaderboards" / "results").mkdir(parents=True)
    (folder / "nudge.toml").write_text(block(GUIDE, "toml", "nudge.toml"), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(site)]),
        "SMALL_MINI": str(tiny_sd_folder),
        "ICEB_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }

    def run(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", lines], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("page", PACKAGES, ids=lambda page: page.name)
def test_the_package_installs_as_printed_and_registers_its_method(shell, page):
    _, name = PACKAGES[page]
    listed = shell("iceb list methods")
    assert re.search(rf"^{name} +\S+ 0\.1\.0$", listed, re.MULTILINE), listed
    assert f"/{name} 0.1.0" in shell(f"iceb show method {name}")


@pytest.mark.parametrize("page", PACKAGES, ids=lambda page: page.name)
def test_the_printed_method_passes_every_check_of_a_method(shell, page):
    _, name = PACKAGES[page]
    lines = json.loads(shell(f"iceb check method {name} --sizes 1 --json"))["checks"]
    assert not [line for line in lines if line["status"] == "fail"]
    assert sum(line["status"] == "pass" for line in lines) > 15


@pytest.mark.slow
def test_the_guides_steps_do_as_printed_one_after_the_other(shell):
    previewed = shell(step(4))
    assert "nothing was made (--dry-run)" in previewed
    assert previewed.count("partial: --limit 20") == 2
    added = shell(step(6))
    assert "partial (--limit 20)" in added  # the preview, which the pattern of step 6 meets too
    assert re.search(r"^added leaderboards/results/aice/nudge/0010-\w+\.json$", added, re.MULTILINE)
    assert "nudge" in shell("cat leaderboards/aice.md")
    shell("iceb leaderboard --check")
    assert "from_pretrained('mini-without-lions'" in shell(step(7))


def test_the_readmes_commands_can_be_pasted():
    """No command in running text holds a bar, which a shell would take for a pipe."""
    for page in (README, GUIDE):
        commands = re.findall(r"`(iceb [^`\n]*)`", page.read_text(encoding="utf-8"))
        assert len(commands) >= 3
        assert not [command for command in commands if "|" in command]

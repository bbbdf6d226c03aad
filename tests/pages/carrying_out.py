"""Carry out a page in a folder: write its files, install its package, run its lines and its Python, word for word."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.pages.blocks import ROOT, Block, blocks, name_of
from tests.pages.listed import LISTED

MINI = "iceb/mini/weights/pipeline"
# What a page finds of the checkout in its folder, beside an empty leaderboard.
FINDS = {
    "CONTRIBUTING.md": sorted(path.name for path in ROOT.iterdir() if not path.name.startswith(".")),
    "docs/adding_a_method.md": [f"{MINI}/tokenizer", f"{MINI}/text_encoder"],
    "docs/results.md": ["leaderboards"],
    "docs/export.md": ["leaderboards"],
}
# These compare numbers, or check committed results; the others have a small random model in mini's place.
ON_MINI = ("CONTRIBUTING.md", "docs/adding_a_dataset.md", "docs/results.md", "docs/export.md")
SMALL = """
# What stands for mini and AICE here: a random pipeline drawn in one step, a hundred captions, two prompts of each class
# that is edited, an image of each sixth holdout class, a clean checkout.
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from iceb.models import families, sources
families.FAMILIES["mini"] = replace(
    families.FAMILIES["mini"], sampling=replace(families.FAMILIES["mini"].sampling, steps=1), block={"cpu": 64}
)
sources.shipped_folder = lambda family: Path(os.environ["SMALL_MINI"])
from iceb.datasets import aice as imagenet
imagenet.HOLDOUT_PROMPTS, whole = 1, imagenet.holdout_prompts
imagenet.holdout_prompts = lambda classes: whole(classes[::6])
imagenet.prompts_for, every = lambda *given: islice(every(*given), 2), imagenet.prompts_for
from iceb.mini import captions
write_all = captions.corpus
captions.corpus = lambda: write_all(100)
from iceb.runs import provenance
provenance.checkout = lambda package: ("0" * 40, False)
"""


@dataclass
class Scratch:
    """A folder in which a page is carried out, with a shell that finds `iceb` and `python`."""

    folder: Path
    environment: dict[str, str]
    printed: dict[str, str] = field(default_factory=dict)  # standard output by line, or by block of Python

    @property
    def site(self) -> Path:
        """Where the page's package is installed."""
        return self.folder.parent / "site"

    def run(self, line: str) -> str:
        """Run a line as a shell does; its standard output.

        Raises:
            AssertionError: it failed.
        """
        return self.program("bash", "-euc", line)

    def program(self, *command: str) -> str:
        """Run a program; its standard output.

        Raises:
            AssertionError: it failed.
        """
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a program; whatever comes of it."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def install(self) -> None:
        """Install the package in the folder offline, as `pip install .` does."""
        options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--target", str(self.site)]
        self.program("python", "-m", "pip", "install", *options, ".")


def make_scratch(page: Path, folder: Path, python: Path, cache: Path, small_mini: Path) -> Scratch:
    """An empty folder for a page, with what it finds of the checkout."""
    programs, work = folder / "bin", folder / "work"
    for program, start in (("iceb", f'"{python}" -m iceb'), ("python", f'"{python}"'), ("ruff", f'"{_ruff()}"')):
        _write(programs / program, f'#!/bin/sh\nexec {start} "$@"\n', 0o755)
    for name in FINDS.get(name_of(page), []):
        _copy(ROOT / name, work / name)
    (work / "leaderboards" / "results").mkdir(parents=True, exist_ok=True)
    _copy(programs, work / ".venv" / "bin")  # what a page calls `.venv/bin/iceb`
    places = [folder / "site"]
    if name_of(page) not in ON_MINI:
        _write(folder / "small" / "sitecustomize.py", SMALL)
        places.append(folder / "small")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        "SMALL_MINI": str(small_mini),
        "ICEB_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    return Scratch(work, environment)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("weights", "__pycache__", "*.egg-info"))
    else:
        shutil.copy(source, target)


def _ruff() -> str:
    beside = Path(sys.executable).with_name("ruff")
    found = str(beside) if beside.exists() else shutil.which("ruff")
    assert found, 'ruff is not installed: pip install -e ".[dev]"'
    return found


def carry_out(page: Path, scratch: Scratch, compare: Callable[[Block], None]) -> None:
    """Carry out every block of a page, in order; `compare` gets those of the language "text", which show something.

    Raises:
        AssertionError: a block is nothing that can be carried out.
    """
    package = False  # one that is written and not yet installed
    for block in blocks(page):
        if block.file:
            _write(scratch.folder / block.file, block.text)
            package = package or block.file == "pyproject.toml"
            continue
        if package:
            scratch.install()
            package = False
        if block.language == "bash":
            run_lines(block, scratch)
        elif block.language == "python":
            scratch.printed[block.text] = scratch.program("python", "-c", _showing_the_last_value(block.text))
        elif block.language == "text":
            compare(block)
        else:
            raise AssertionError(f"{block.page}:{block.line}: no file, no commands, no Python and no text to compare")
    if package:
        scratch.install()


def run_lines(block: Block, scratch: Scratch) -> None:
    """Run the lines of a block that are not listed."""
    for line in block.commands:
        if (block.page, line) not in LISTED:
            scratch.printed[line] = scratch.run(line)


def _showing_the_last_value(code: str) -> str:
    """Code that prints its last expression, as an interactive session does."""
    tree = ast.parse(code)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.Expr(ast.Call(ast.Name("print"), [last.value], []))
    return ast.unparse(ast.fix_missing_locations(tree))

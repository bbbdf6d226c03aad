"""Commands that only read names, cards and results answer at once and never import torch."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests" / "fixtures" / "result.json"
RESULTS = ROOT / "leaderboards" / "results"
HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "pandas",
)

PROGRAM = """
import json, os, sys
from iceb.cli.main import run
commands, heavy = json.loads(sys.argv[1])
for command in commands:
    reader, writer = os.pipe()
    if os.fork() == 0:  # the command begins with no more than the command line's own imports
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = run(command)
        os.write(writer, json.dumps([code, [name for name in heavy if name in sys.modules]]).encode())
        os._exit(0)
    os.wait()
    os.close(writer)
    print(os.read(reader, 4096).decode() or '[null, ["not ended as a command ends"]]')
"""

COMMANDS = [
    ["--help"],
    ["--version"],
    ["evaluate", "--help"],
    ["edit", "--help"],
    ["apply", "--help"],
    ["tune", "--help"],
    ["list", "methods"],
    ["list", "tasks"],
    ["list", "metrics"],
    ["list", "models"],
    ["list", "datasets"],
    ["show", "task", "aice"],
    ["show", "method", "esd"],
    ["explain", "edit_score"],
    ["show", "result", str(FIXTURE)],
    ["show", "schema"],
    ["runs", str(FIXTURE.parent)],
    ["leaderboard"],
    ["leaderboard", "--check"],
    ["compare", "unedited", "prompt_swap"],
    ["plan", "--detect", "0.05"],
    ["capacity", str(RESULTS / "aice" / "emcid")],
]


BY_TEXT = "neighbours"  # its concepts are told apart by distances of texts, which the CLIP twin's network reads


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard of one committed result of each method and task: reading it imports what reading all does."""
    folder = tmp_path_factory.mktemp("light")
    for method in sorted(path for path in RESULTS.glob("*/*") if path.is_dir() and path.parent.name != BY_TEXT):
        found = sorted(method.glob("0050-*.json")) or sorted(method.glob("*.json"))
        target = folder / "leaderboards" / "results" / method.relative_to(RESULTS)
        target.mkdir(parents=True)
        for path in (found[0], found[0].with_suffix(".parquet")):
            shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> list[tuple[int, list[str]]]:
    """Exit code of each command, and what heavy it imported: forks of one process, which imports Python once."""
    command = [sys.executable, "-c", PROGRAM, json.dumps([COMMANDS, HEAVY])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=[" ".join(command) for command in COMMANDS])
def test_a_light_command_does_not_import_torch(outcomes, place):
    assert outcomes[place] == (0, [])


def test_help_takes_less_than_half_a_second():
    """Processor time, the smallest of three, so that a busy machine does not decide."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "iceb", "--help"], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.5

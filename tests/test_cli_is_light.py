"""Commands that only read names, cards and results answer at once and never import torch."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests" / "fixtures" / "result.json"
HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "pandas",
)

CHECK = """
import sys
from iceb.cli.main import run
code = run(sys.argv[1:])
loaded = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"imported {{loaded}}" if loaded else code)
"""

COMMANDS = [
    ["--help"],
    ["--version"],
    ["evaluate", "--help"],
    ["edit", "--help"],
    ["apply", "--help"],
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
    ["leaderboard", "--check"],
    ["compare", "unedited", "prompt_swap"],
    ["plan", "--detect", "0.05"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_light_command_does_not_import_torch(arguments):
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(heavy=HEAVY), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_help_takes_less_than_half_a_second():
    """Processor time, the smallest of three, so that a busy machine does not decide."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "iceb", "--help"], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.5

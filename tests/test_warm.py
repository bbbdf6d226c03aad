"""A program in a fork of the warm process ends as one in an interpreter of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

EXITS = ("raise SystemExit(3)", "raise SystemExit(-1)", "raise SystemExit('no')", "1 / 0")
LATE = "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()"


def outcome(python: Path | str, code: str) -> tuple[int, str]:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", "raise SystemExit(-1)", "raise SystemExit('no')", "1 / 0", LATE]
)
def test_exit_codes_and_output_are_those_of_a_new_interpreter(warm_python, code):
    assert outcome(warm_python, code) == outcome(sys.executable, code)


def test_each_program_draws_other_random_numbers(warm_python):
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    first, second = (outcome(warm_python, code)[1].split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]

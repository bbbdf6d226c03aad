"""The real command, stopped by Ctrl-C and by kill -9: nothing finished is lost, and the scores come out the same."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iceb.cli.main import run
from iceb.specs.results import Result

PATIENCE = 120  # seconds; a loaded machine imports slowly
AGAIN = 3  # seconds until a signal that was not heard is sent again


@pytest.fixture
def command(model, data):
    """The arguments of a run of a hundred images, slow enough to be stopped in its middle."""

    def build(folder: Path) -> list[str]:
        base = [sys.executable, "-m", "iceb", "evaluate", "--method", "token_swap", "--task", "aice_flips"]
        base += [
            "--num-edits",
            "20",
            "--model",
            str(model),
            "--data",
            data,
            "--device",
            "cpu",
            "--limit",
            "30",
            "--steps",
            "5",
        ]
        return [*base, "--cache", str(folder / "cache"), "--out", str(folder / "runs")]

    return build


def images(folder: Path) -> int:
    return sum(1 for _ in (folder / "cache").rglob("*.png"))


def run_until_signal(
    command: list[str], environment: dict[str, str], folder: Path, sign: signal.Signals, more: int
) -> tuple:
    """Start the command, send it a signal once it has drawn `more` images; its exit code and its last line.

    The signal is sent again while the command goes on, as a person presses Ctrl-C again: outside of stages Python
    drops an interrupt that happens to arrive inside a destructor.
    """
    wanted = images(folder) + more
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heeding,
    ) as process:
        deadline = time.monotonic() + PATIENCE
        while images(folder) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        while time.monotonic() < deadline:
            process.send_signal(sign)
            try:
                _, errors = process.communicate(timeout=AGAIN)
            except subprocess.TimeoutExpired:
                continue
            return process.returncode, errors.strip().splitlines()[-1]
        raise AssertionError(f"still running {PATIENCE} s after {sign.name}")


def heeding() -> None:
    """Ctrl-C as at a terminal: scripts start what runs in their background with it ignored, these tests too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_to_end(python: Path, command: list[str], environment: dict[str, str], folder: Path) -> Result:
    command = [str(python), *command[1:]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return result_in(folder)


def result_in(folder: Path) -> Result:
    (path,) = folder.rglob("result.json")
    return Result.from_json(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.usefixtures("plugins")
def test_a_stopped_command_loses_nothing_and_ends_with_the_same_scores(warm_python, command, environment, tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    code, _ = run_until_signal(command(broken), environment, broken, signal.SIGKILL, more=20)
    assert code == -signal.SIGKILL
    code, line = run_until_signal(command(broken), environment, broken, signal.SIGINT, more=20)
    assert code in (130, -signal.SIGINT)  # both are 130 to a shell: the signal that was sent again may meet the end
    assert line.startswith("iceb: interrupted; the same command goes on: iceb evaluate --method token_swap")
    kept = images(broken)
    assert kept >= 40
    assert not list(broken.rglob("result.json"))
    resumed = run_to_end(warm_python, command(broken), environment, broken)
    assert resumed.cost.images_reused >= kept
    assert run(command(whole)[3:]) == 0  # in this process: it has the libraries already
    assert numbers(resumed) == numbers(result_in(whole))


def numbers(result: Result) -> list[tuple]:
    """Every score without the package of its metric, which only an installed plugin names."""
    return [(s.metric, s.value, s.stderr, s.before, s.after, s.low, s.high, s.n, s.concepts) for s in result.scores]

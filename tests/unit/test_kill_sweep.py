"""Parts of the killed sweep: a process that is killed at its moment, what was done twice, and what is a difference."""

import os
import signal
import time

import pytest

from tools.kill_sweep import KILLED, World, cpu_seconds, line_of


@pytest.fixture
def world(tmp_path):
    """The folders of a sweep that stored two images, one of them twice."""
    made = World(tmp_path / "sweep", tmp_path / "model")
    (made.folder / "cache" / "images").mkdir(parents=True)
    (made.folder / "runs").mkdir()
    (made.folder / "cache" / "images" / "a.png").write_bytes(b"one")
    made.log.write_text("image a\nedit x [1]\nimage b\nimage a\nedit x [1, 2]\nedit x [1]\n", encoding="utf-8")
    return made


def busy(methods: str = "") -> int:
    """A process that works until it is killed."""
    if process := os.fork():
        return process
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        pass
    os._exit(0)


def test_a_sweep_is_killed_once_it_has_spent_its_time(world, monkeypatch):
    monkeypatch.setattr(world, "start", busy)
    assert world.kill_at(0.05) == KILLED == -signal.SIGKILL
    assert world.moments == [0.05]


def test_a_sweep_that_ends_before_its_moment_is_not_killed(world, monkeypatch):
    def brief(methods: str) -> int:
        if process := os.fork():
            return process
        os._exit(1)

    monkeypatch.setattr(world, "start", brief)
    assert world.kill_at(60.0) == 1
    assert world.moments == []


def test_the_time_of_a_process_is_the_one_that_it_spent():
    assert cpu_seconds(os.getpid()) == pytest.approx(sum(os.times()[:2]), abs=0.5)


def test_a_line_says_what_was_done_twice_and_what_differs(world, tmp_path):
    other = World(tmp_path / "other", world.model)
    (other.folder / "cache" / "images").mkdir(parents=True)
    (other.folder / "cache" / "images" / "a.png").write_bytes(b"one")
    assert world.work_twice() == (2, 1, 1)
    assert line_of("round 1", world, other, [0], [0]) == "| round 1 | 0 | – | 2 | 1 | 1 | equal | equal |"
    assert line_of("round 1", world, other, [0], [2]).endswith("| NO | equal |")
    (other.folder / "cache" / "images" / "a.png").write_bytes(b"two")
    assert line_of("round 1", world, other, [0], [0]).endswith("| equal | NO |")

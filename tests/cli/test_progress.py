"""A log gets a line at the start, one every ten seconds with the time left, and one at the end."""

import contextlib
import io
import signal

import pytest

from iceb.base.progress import stage, watching
from iceb.cli.interrupts import Stopped
from iceb.cli.progress import Bars, Lines, show_progress


def test_lines_say_how_long_it_will_still_take():
    times = iter([0.0, 5.0, 20.0, 40.0, 40.0])
    stream = io.StringIO()
    with watching(Lines(stream, lambda: next(times))), stage("draw", total=40) as advance:
        advance(10)  # after 5 s: too soon for a line
        advance(10)  # after 20 s: half is done
        advance(20)
    assert stream.getvalue().splitlines() == [
        "draw: 0/40",
        "draw: 20/40, 0:20 elapsed, 0:20 left",
        "draw: done in 0:40",
    ]


def test_a_stage_of_unknown_length_says_what_is_done():
    times = iter([0.0, 11.0, 12.0])
    stream = io.StringIO()
    with watching(Lines(stream, lambda: next(times))), stage("edit") as advance:
        advance(3)
    assert stream.getvalue().splitlines() == ["edit: begun", "edit: 3, 0:11 elapsed", "edit: done in 0:12"]


def test_a_long_wait_for_the_first_step_names_no_time_left():
    times = iter([0.0, 11.0, 12.0])
    stream = io.StringIO()
    with watching(Lines(stream, lambda: next(times))), stage("parts of the edit", total=3) as advance:
        advance(0)
    assert stream.getvalue().splitlines()[1] == "parts of the edit: 0/3, 0:11 elapsed"


def test_a_bar_is_full_when_its_stage_ends():
    bars = Bars()
    with watching(bars):
        with stage("edit") as advance:
            advance(1)
        with stage("draw", total=0):
            pass
        with stage("measure", total=4) as advance:
            advance(4)
    assert all(task.finished for task in bars.progress.tasks)


@pytest.fixture
def heeding():
    """Ctrl-C as at a terminal, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding")
def test_a_lost_ctrl_c_stops_the_next_step():
    steps = []

    def work() -> None:
        with show_progress(), stage("draw", total=3) as advance:
            for step in range(3):
                steps.append(step)
                with contextlib.suppress(KeyboardInterrupt):  # lost, as inside a destructor
                    signal.raise_signal(signal.SIGINT)
                advance(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == [0]


def test_sigterm_waits_for_the_step_and_then_stops():
    steps = []

    def work() -> None:
        with show_progress(), stage("draw", total=3) as advance:
            for step in range(3):
                signal.raise_signal(signal.SIGTERM)
                steps.append(step)
                advance(1)

    with pytest.raises(Stopped):
        work()
    assert steps == [0]


def test_sigterm_between_two_stages_stops_before_the_second():
    def work() -> None:
        with show_progress():
            signal.raise_signal(signal.SIGTERM)
            with stage("draw"):
                raise AssertionError("begun")

    with pytest.raises(Stopped):
        work()


def test_a_command_that_was_started_to_ignore_ctrl_c_ignores_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with show_progress(), stage("draw") as advance:
            signal.raise_signal(signal.SIGINT)
            advance(1)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding")
def test_ctrl_c_is_handled_as_before_when_the_work_is_over():
    before = signal.getsignal(signal.SIGINT)
    with show_progress():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before

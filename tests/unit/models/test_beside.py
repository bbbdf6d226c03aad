"""What a processor does beside a GPU's passes, tried with passes that need none."""

import threading
import time

import pytest
import torch

from iceb.models.threads import BESIDE, prepare_and_run, run_and_finish

CPU, GPU = torch.device("cpu"), torch.device("cuda")  # naming a device needs none
WAIT = 10  # seconds, at most, for something that is to happen at once


@pytest.mark.parametrize("device", [CPU, GPU])
def test_results_come_in_order_each_once(device):
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item + 1

    assert list(run_and_finish(device, lambda item: 10 * item, slow_first, range(20))) == [
        10 * item + 1 for item in range(20)
    ]
    assert list(prepare_and_run(device, slow_first, lambda made: 10 * made, range(20))) == [
        10 * (item + 1) for item in range(20)
    ]
    assert list(run_and_finish(device, int, int, [])) == list(prepare_and_run(device, int, int, [])) == []


def test_a_gpus_next_pass_runs_while_the_last_one_is_finished():
    second = threading.Event()

    def work(item):
        if item == 1:
            second.set()
        return item

    assert list(run_and_finish(GPU, work, lambda _: second.wait(WAIT), range(2))) == [True, True]


def test_a_gpus_next_pass_is_prepared_while_one_runs():
    second = threading.Event()
    prepare = lambda item: second.set() if item == 1 else None  # noqa: E731
    assert list(prepare_and_run(GPU, prepare, lambda _: second.wait(WAIT), range(2))) == [True, True]


def test_passes_of_a_gpu_stay_on_the_callers_thread():
    here = threading.get_ident()
    assert set(run_and_finish(GPU, lambda _: threading.get_ident(), lambda made: made, range(5))) == {here}
    assert set(prepare_and_run(GPU, lambda item: item, lambda _: threading.get_ident(), range(5))) == {here}


def test_few_results_wait():
    begun, done = [], []

    def finish(item):
        time.sleep(0.002)
        done.append(item)

    def work(item):
        begun.append(item)
        assert len(begun) - len(done) <= BESIDE + 1
        return item

    list(run_and_finish(GPU, work, finish, range(40)))
    assert len(done) == 40


@pytest.mark.parametrize("device", [CPU, GPU])
def test_an_error_is_raised_and_what_was_made_before_it_is_finished(device):
    done = []

    def finish(item):
        if item == 3:
            raise OSError("the disk is full")
        done.append(item)

    with pytest.raises(OSError, match="full"):
        list(run_and_finish(device, lambda item: item, finish, range(100)))
    assert {0, 1, 2} <= set(done)
    assert len(done) < 20

    def fails(item):
        if item == 5:
            raise ValueError("no")
        return item

    done.clear()
    with pytest.raises(ValueError, match="no"):
        list(run_and_finish(device, fails, done.append, range(100)))
    assert set(range(5)) <= set(done)

"""docs/scale.md is what its tool makes, and the schedules behave as schedules must."""

from dataclasses import replace

import pytest

from tools import simulated_schedules
from tools.simulated_schedules import POLICIES, Placement, Schedule, World, folder_sizes

SAFE = World(slowest=1.0, spread=0.0, between=1e12, away=1.0)


def test_the_committed_page_is_the_one_that_the_tool_makes():
    assert simulated_schedules.main(["--check"]) == 0, "run `python tools/simulated_schedules.py --write`"


@pytest.mark.parametrize("policy", POLICIES)
def test_one_worker_that_never_fails_draws_each_pass_once_without_waiting(policy):
    found = Schedule(policy, 50, 1, SAFE, 0).run()
    assert found.makespan == pytest.approx(1.0)
    assert (found.twice, found.lost) == (0.0, 0.0)


def test_equal_workers_and_a_queue_waste_nothing():
    assert Schedule("queue", 80, 8, SAFE, 0).run().makespan == pytest.approx(1.0)


@pytest.mark.parametrize("policy", POLICIES)
def test_all_is_drawn_whatever_fails(policy):
    found = Schedule(policy, 200, 8, replace(World(), between=5.0), 1).run()
    assert found.lost > 0
    assert found.makespan > 1.0
    assert found.twice == 0.0 or policy == "shards, then the rest"


def test_the_first_writer_wins():
    rng = simulated_schedules.np.random.default_rng(0)
    placement = Placement("queue", 3, 1, rng)
    assert [placement.publish(1), placement.publish(1), placement.publish(0)] == [True, False, True]
    assert placement.missing == [2]


def test_folders_fill_evenly():
    found = folder_sizes()
    assert len(found) == 256
    assert max(found.values()) < 1.2 * sum(found.values()) / 256

"""docs/scale.md is what its tool makes, and the schedules behave as schedules must."""

from dataclasses import replace

import pytest

from iceb.api.costing import _methods_of
from tests.outside import upstream_data
from tools import scale_costs, simulated_schedules
from tools.simulated_schedules import POLICIES, Placement, Schedule, World, folder_sizes

DATA = upstream_data()
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


@pytest.fixture(scope="module")
def fresh_costs():
    """Costs of a part of what is recorded, counted now."""
    return scale_costs.count_costs(("sd14",), ("emcid", "uce"), scale_costs.EDITS)


def test_recorded_costs_are_those_that_are_counted_now(fresh_costs):
    recorded = scale_costs.read_costs()
    for name, costs in fresh_costs["models"]["sd14"]["methods"].items():
        assert recorded["models"]["sd14"]["methods"][name] == costs


def test_the_peak_of_emcid_on_the_page_is_the_one_that_is_counted_now():
    recorded = scale_costs.read_costs()
    assert recorded["emcid_on_sd14_by_concepts"] == scale_costs.count_emcid()
    assert scale_costs.emcid_figures(recorded) == {"gb": "40.9", "fits_gb": "22.6", "fits": "4", "together": "8"}


@pytest.mark.skipif(not (DATA / "iceb_data").is_dir(), reason="AICE's own files are not at hand")
def test_recorded_numbers_of_images_are_those_of_the_published_data(monkeypatch):
    monkeypatch.setenv("ICEB_DATA", str(DATA))
    counted, recorded = scale_costs.count_costs(("sd14",), ("uce",), scale_costs.EDITS), scale_costs.read_costs()
    assert counted["data"] == recorded["data"] == "aice"
    for name in ("images", *scale_costs.OF_IMAGES):
        assert recorded["models"]["sd14"][name] == counted["models"]["sd14"][name]


def test_every_method_of_the_task_stands_in_the_tables_of_costs():
    for name in scale_costs.MODELS:
        assert set(scale_costs.read_costs()["models"][name]["methods"]) == set(_methods_of("replace"))


def test_small_and_large_costs_are_written_so_that_they_can_be_read():
    assert [scale_costs._number(value) for value in (1e-7, 0.05, 0.996, 3.14, 1234.5)] == [
        "< 0.01",
        "0.05",
        "1.00",
        "3.1",
        "1,234",
    ]

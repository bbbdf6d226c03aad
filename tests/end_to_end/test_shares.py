"""Shares of a run: bytes and scores are those of one process, whatever the number of workers and whoever is killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import toy

from iceb.running.run_folder import run
from iceb.running.workers.shares import ShareRun
from iceb.runs.folder import read_result
from iceb.specs.prompts import Prompt
from iceb.specs.shards import Shard

IMAGES = 96  # of the toy run, both sides
PROGRAM = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import toy
from iceb.running.workers.shares import ShareRun
from iceb.specs.shards import Shard
print(os.getpid(), flush=True)
ShareRun(toy.make_plan(Path(sys.argv[2]), Path(sys.argv[3])), Shard.parse(sys.argv[4])).make()
"""


def files(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache / "images").rglob("*.png")}


def scores_in(drawn_once: Path) -> object:
    (path,) = (drawn_once.parent / "out").rglob("result.json")
    return read_result(path).scores


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_make_what_one_process_makes_and_nothing_twice(tiny_sd_folder, tmp_path, drawn_once, count):
    cache = tmp_path / "cache"
    shards = [Shard(index, count) for index in range(count)]
    drawn = [ShareRun(toy.make_plan(tiny_sd_folder, cache), shard).make() for shard in shards]
    assert sum(drawn) == IMAGES
    assert all(drawn)
    assert files(cache) == files(drawn_once)
    plan = toy.make_plan(tiny_sd_folder, cache)
    result, _ = run(plan, tmp_path / "out")
    assert (result.cost.images_drawn, plan.parts.scorer.measures["imagenet_classifier"].seen) == (0, [])
    assert result.scores == scores_in(drawn_once)


def test_another_number_of_shares_in_mid_run_only_moves_work(tiny_sd_folder, tmp_path, drawn_once):
    cache = tmp_path / "cache"
    drawn = [ShareRun(toy.make_plan(tiny_sd_folder, cache), Shard.parse(each)).make() for each in ("0/3", "0/2", "1/2")]
    assert sum(drawn) == IMAGES
    assert files(cache) == files(drawn_once)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_one_of_three_workers_is_killed_and_the_run_goes_on(tiny_sd_folder, tmp_path, drawn_once, warm_python):
    """All three are held before they measure, so the one that is killed is in the middle of its share."""
    cache, hold = tmp_path / "cache", tmp_path / "hold"
    hold.touch()
    begun = [
        subprocess.Popen(
            [warm_python, "-c", PROGRAM, str(Path(toy.__file__).parent), str(tiny_sd_folder), str(cache), f"{each}/3"],
            env={**os.environ, "OMP_NUM_THREADS": "1", "TOY_HOLD": str(hold)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in range(3)
    ]
    victim = int(begun[0].stdout.readline())
    deadline = time.monotonic() + 60
    while len(files(cache)) < IMAGES // 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(victim, signal.SIGKILL)
    hold.unlink()
    codes = [process.wait(60) for process in begun]
    assert codes[0] != 0
    assert codes[1:] == [0, 0]
    before = len(files(cache))
    result, _ = run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "out")
    assert result.cost.images_drawn == IMAGES - before
    assert result.scores == scores_in(drawn_once)
    assert files(cache) == files(drawn_once)
    for process in begun:
        process.stdout.close()


def test_shares_divide_prompts_evenly_and_keep_both_sides_together():
    prompts = [Prompt(f"a {number} of hearts", seed, "source") for number in range(200) for seed in range(5)]
    parts = [[prompt for prompt in prompts if Shard(index, 7).has(prompt)] for index in range(7)]
    assert sorted(repr(each) for part in parts for each in part) == sorted(map(repr, prompts))
    assert all(100 < len(part) < 190 for part in parts)

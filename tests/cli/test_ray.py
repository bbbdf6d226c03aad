"""Work on Ray: tasks on a local one make what one process makes, also when a worker is killed in mid-task."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from iceb.runs.folder import read_result
from iceb.runs.ledger import read_ledger
from iceb.specs.results import Result
from iceb.specs.shards import Shard

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")]

# A small Ray of so many CPUs, the run on it, and the number of images that its tasks drew; without Ray for 0 CPUs.
PROGRAM = """
import json, sys
import iceb
from iceb.running.workers import sharing
cpus, asked = int(sys.argv[1]), json.loads(sys.argv[2])
asked["settings"]["layers"] = tuple(asked["settings"]["layers"])
drawn, share = [], sharing.share_on_ray
sharing.share_on_ray = lambda *given: drawn.append(share(*given))
if cpus:
    import ray
    ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False)
iceb.evaluate(**asked, ray="local" if cpus else None)
print(json.dumps(drawn))
"""


@pytest.fixture(scope="module")
def arguments(model: Path, data: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The arguments of a run whose edit has three batches of concepts."""
    captions = tmp_path_factory.mktemp("captions") / "captions.txt"
    captions.write_text("".join(f"a {name} on a table\n" for name in ("cat", "dog", "boat", "house", "cup", "tree")))
    settings = {"layers": [1, 2], "steps": 2, "noise_loss": "none", "captions": str(captions)}
    run = {"method": "emcid", "task": "aice_flips", "num_edits": 3, "settings": settings, "concepts_at_once": 1}
    return {**run, "model": str(model), "data": data, "device": "cpu", "limit": 12, "images_per_pass": 2, "workers": 1}


@pytest.fixture(scope="module")
def program(arguments: dict[str, Any], environment: dict[str, str], warm_python: str) -> Callable[..., Any]:
    """Run the program in a process of its own; yields the process."""

    @contextmanager
    def start(cpus: int, folder: Path) -> Iterator["subprocess.Popen[str]"]:
        given = {**arguments, "cache": str(folder / "cache"), "out": str(folder / "runs")}
        python = sys.executable if cpus else warm_python  # a fork's parent is the process that it was forked off
        command = [python, "-c", PROGRAM, str(cpus), json.dumps(given)]
        own = {**environment, "RAY_worker_niceness": "0"}  # Ray's workers stand back behind all else, and so for long
        with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.terminate()  # a test that failed; one that has ended hears nothing

    return start


def finish(process: "subprocess.Popen[str]") -> list[int]:
    """The numbers of images that tasks drew, when the program has ended."""
    said, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    found: list[int] = json.loads(said.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def alone(program: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run by one process."""
    folder = tmp_path_factory.mktemp("alone")
    with program(0, folder) as process:
        assert finish(process) == []
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "cache" / "images").rglob("*.png")}


def result_in(folder: Path) -> Result:
    (path,) = (folder / "runs").rglob("result.json")
    return read_result(path)


def images_of(folder: Path, shard: Shard) -> set[str]:
    """The images by the edited model of a share's prompts, which its task draws; others have drawn those before."""
    (path,) = (folder / "runs").rglob("result.json")
    rows = read_ledger(path.parent, read_result(path).images)
    return {row.after for row in rows if row.after is not None and shard.has(row.prompt)}


@pytest.mark.parametrize("cpus", [2, 4])
def test_tasks_of_ray_make_what_one_process_makes_and_nothing_twice(program, alone, tmp_path, cpus):
    with program(cpus, tmp_path) as process:
        (drawn,) = finish(process)
    made, result = files(alone), result_in(tmp_path)
    print(f"{cpus} workers: {drawn} images drawn by tasks, {drawn - len(made)} twice, {result.cost.images_drawn} after")
    assert (drawn, result.cost.images_drawn) == (len(made), 0)
    assert files(tmp_path) == made
    assert result.scores == result_in(alone).scores
    assert not list(tmp_path.rglob("failed-*"))


def test_a_task_of_a_killed_worker_is_made_again_by_another(program, alone, tmp_path):
    with program(2, tmp_path) as process:
        deadline = time.monotonic() + 120
        while not (busy := workers_at_work(process.pid)) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        share = re.search(r"(\d+)-of-(\d+) \(share of", _read(busy[0], "cmdline"))
        os.kill(busy[0], signal.SIGKILL)
        while _read(busy[0], "cmdline"):
            time.sleep(0.001)
        before = files(tmp_path).keys()
        (drawn,) = finish(process)
    made, result = files(alone), result_in(tmp_path)
    lost = before & {f"{key}.png" for key in images_of(tmp_path, Shard(int(share[1]), int(share[2])))}
    print(f"killed at {len(before)} of {len(made)} images, {len(lost)} of its own; tasks that ended drew {drawn}")
    assert 0 < len(before) < len(made)
    assert (drawn + len(lost), result.cost.images_drawn) == (len(made), 0)
    assert files(tmp_path) == made
    assert result.scores == result_in(alone).scores


def test_sigterm_cancels_the_tasks_and_leaves_no_process(model, data, environment, tmp_path):
    """The command starts a Ray of its own, which ends with it; a variable marks all that it starts."""
    mark, cache = f"ICEB_TEST_MARK={tmp_path}", tmp_path / "cache"
    command = [sys.executable, "-m", "iceb", "evaluate", "--method", "token_swap", "--task", "aice_flips"]
    command += ["--num-edits", "1", "--model", str(model), "--data", data, "--device", "cpu", "--ray", "local"]
    command += ["--images-per-pass", "1", "--cache", str(cache), "--out", str(tmp_path / "runs")]
    own = {**environment, **dict([mark.split("=")]), "RAY_worker_niceness": "0"}
    with subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 240
        while not list(cache.rglob("*.png")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    assert "the same command goes on: iceb evaluate --method token_swap" in errors
    assert not list(tmp_path.rglob("result.json"))
    deadline = time.monotonic() + 30
    while (left := [each for each, _ in _parents() if mark in _read(each, "environ")]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def workers_at_work(driver: int) -> list[int]:
    """The processes below one that carry out a share of a run; their titles are the names of their tasks."""
    parents = dict(_parents())
    return [
        process
        for process in parents
        if _is_below(process, driver, parents) and "(share of" in _read(process, "cmdline")
    ]


def _parents() -> Iterator[tuple[int, int]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue


def _is_below(process: int, driver: int, parents: Mapping[int, int]) -> bool:
    while process not in (0, 1, driver):
        process = parents.get(process, 0)
    return process == driver


def _read(process: int, file: str) -> str:
    try:
        return Path(f"/proc/{process}/{file}").read_text(errors="replace")
    except OSError:  # it has ended
        return ""

"""Time the whole main job of several checkouts with cold caches, in turn, and compare their scores.

    python benchmarks/main_job.py OLD=/path/to/old/.venv/bin/python NEW=/path/to/new/.venv/bin/python
        [--method emcid] [--task aice] [--num-edits 300] [--rounds 2] [--threads N] [--limit N]

Each job is `python -m iceb evaluate` of its interpreter, with a cache and a folder for results of its own that are
thrown away, so that nothing is found. A round runs every checkout once, the next one in reverse; ratios compare within
a round, with the first that is named. `cpu` is the processor time of the job's processes. Run it on idle cores.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Job:
    """Seconds of one run of the job, and its scores by metric."""

    seconds: float
    cpu: float
    scores: Mapping[str, float | None]


def run_job(python: Path, asked: Sequence[str], threads: int | None) -> Job:
    """Run the job once, with everything cold.

    Raises:
        SystemExit: it failed, or left no result or several.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    if threads is not None:
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        cold = ["--cache", f"{folder}/cache", "--out", f"{folder}/runs"]
        before, began = _children_seconds(), time.perf_counter()
        command = [str(python), "-m", "iceb", "evaluate", *asked, *cold]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        seconds, cpu = time.perf_counter() - began, _children_seconds() - before
        results = list(Path(folder).glob("runs/**/result.json"))
        if done.returncode or len(results) != 1:
            raise SystemExit(
                f"{' '.join(command)}: exit {done.returncode}, {len(results)} results\n{done.stderr[-2000:]}"
            )
        return Job(seconds, cpu, scores_of(json.loads(results[0].read_text(encoding="utf-8"))))


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scores_of(result: Mapping[str, object]) -> dict[str, float | None]:
    """The scores of a result, by metric and version."""
    scores: list[dict[str, object]] = result["scores"]  # type: ignore[assignment]
    return {f"{each['metric']}@{each['version']}": each["value"] for each in scores}  # type: ignore[misc]


def score_differences(one: Mapping[str, float | None], other: Mapping[str, float | None]) -> dict[str, float]:
    """Differences of scores that both have; metrics without a number on either side are left out."""
    both = {name: (one[name], other[name]) for name in one if name in other}
    return {name: b - a for name, (a, b) in both.items() if a is not None and b is not None}


def report(rounds: Sequence[Mapping[str, Job]]) -> str:
    """The figures in words: each round, then medians, and scores against the first checkout's."""
    names = list(rounds[0])
    first = names[0]
    lines = [f"{'':12}{'seconds':>10}{'cpu':>10}{f'times as fast as {first}':>30}"]
    for number, jobs in enumerate(rounds, start=1):
        for name in names:
            job = jobs[name]
            times = jobs[first].seconds / job.seconds
            lines.append(f"{f'{number} {name}':12}{job.seconds:>10.1f}{job.cpu:>10.1f}{times:>30.2f}")
    for name in names[1:]:
        times = [jobs[first].seconds / jobs[name].seconds for jobs in rounds]
        by_cpu = [jobs[first].cpu / jobs[name].cpu for jobs in rounds]
        lines.append(f"{name}: {median(times):.2f} times as fast (median), {median(by_cpu):.2f} by processor time")
        apart = score_differences(rounds[0][first].scores, rounds[0][name].scores)
        lines += [f"  {metric}: {difference:+.2e}" for metric, difference in apart.items()]
        only = sorted(rounds[0][first].scores.keys() ^ rounds[0][name].scores.keys())
        lines += [f"  not in both: {', '.join(only)}"] if only else []
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", metavar="NAME=PYTHON", help="the first one is what others are held to")
    parser.add_argument("--method", default="emcid")
    parser.add_argument("--task", default="aice")
    parser.add_argument("--num-edits", default="300")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=None, help="default: the libraries' own, all cores")
    parser.add_argument("--limit", default=None, help="images of each role, to try the script")
    given = parser.parse_args(arguments)
    pythons = {name: Path(path).absolute() for name, _, path in (each.partition("=") for each in given.checkouts)}
    if missing := [name for name, path in pythons.items() if not path.is_file()]:
        parser.error(f"{', '.join(missing)}: no such interpreter; write NAME=/path/to/bin/python")
    asked = ["--method", given.method, "--task", given.task, "--num-edits", given.num_edits]
    asked += [] if given.limit is None else ["--limit", given.limit]
    rounds = []
    for number in range(given.rounds):
        order = list(pythons) if number % 2 == 0 else list(reversed(pythons))
        jobs = {name: run_job(pythons[name], asked, given.threads) for name in order}
        rounds.append({name: jobs[name] for name in pythons})
        print(f"round {number + 1} of {given.rounds}: {', '.join(f'{n} {j.seconds:.0f} s' for n, j in jobs.items())}")
    print(report(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())

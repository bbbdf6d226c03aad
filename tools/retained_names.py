"""Measure published settings that retain the celebrities that are scored, as papers do.

    python tools/retained_names.py --cache build/names    # the runs, one after another; docs/retained_names.json

No leaderboard takes such a run; tools/published_orders.py shows it beside the row whose list of other identities stands
in. A run stands in the record with its command, the names' digest, model and commit. What the folder holds of a run is
not made again.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.digest import digest_file
from iceb.running.plan import Ask, plan
from iceb.runs.folder import RESULT, folders_with, read_result
from iceb.runs.provenance import Origin
from iceb.specs.results import Result
from tools.other_corpora import read_record, score_of

RECORD = Path(__file__).parents[1] / "docs" / "retained_names.json"
TASK, OTHERS = "celebrities", "others"
LISTS = {"uce": "retain_file", "mace": "domain", "speed": "retain_file"}  # the setting that lists what is retained
COUNTS = (10, 100)
METRICS = ("celebrity_acc_e", "celebrity_acc_s", "celebrity_h_c", "celebrity_faces_e", "celebrity_faces_s")
FILE = "others.txt"


def scored_others() -> list[str]:
    """The names that the task scores as others, in order; the same at every number of edits."""
    found = plan(Ask(task=TASK, method="unedited", num_edits=max(COUNTS)), may_fetch=False)
    prompts = (prompt for checkpoint in found.checkpoints for prompt in checkpoint.prompts)
    return list(dict.fromkeys(prompt.concept for prompt in prompts if prompt.role == OTHERS))


def run_arguments(method: str, num_edits: int, file: str) -> list[str]:
    """The arguments of `iceb` that make a run, without folders."""
    return [
        *("evaluate", "--method", method, "--task", TASK, "--num-edits", str(num_edits), "--recipe", "published"),
        *("--set", f"{LISTS[method]}={file}"),
    ]


def entry_of(method: str, num_edits: int, result: Result, sha256: str) -> dict[str, Any]:
    """Make the record's entry of a run."""
    return {
        "names": {"sha256": sha256, "scored": len(result.method.retained_scored)},
        "command": f"iceb {' '.join(run_arguments(method, num_edits, FILE))}",
        "id": result.id,
        "model": result.model.digest,
        "commit": result.provenance.commit,
        "finished": result.provenance.finished,
        "scores": {name: score_of(result, name) for name in METRICS},
    }


def recorded_runs(record: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Each recorded run: method, number of edits, and entry."""
    for method in LISTS:
        for count in COUNTS:
            if f"{method} at {count}" in record:
                yield method, count, record[f"{method} at {count}"]


def make_run(method: str, num_edits: int, file: Path, cache: Path) -> Result:
    """Make a run.

    Raises:
        SystemExit: it failed.
    """
    out = cache / "runs" / f"{method}-{num_edits}"
    arguments = [*run_arguments(method, num_edits, str(file)), "--cache", str(cache / "cache"), "--out", str(out)]
    command = [sys.executable, "-m", "iceb", *arguments]
    if subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode != 0:
        raise SystemExit(f"the run of {method} at {num_edits} edits failed: see what it printed")
    return read_result(max(folders_with([out], RESULT)) / RESULT)


def measure(cache: Path) -> None:
    """Make the runs and record each at once."""
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / FILE
    file.write_text("".join(f"{name}\n" for name in scored_others()), encoding="utf-8")
    for method in LISTS:
        for count in COUNTS:
            entry = entry_of(method, count, make_run(method, count, file, cache), digest_file(file))
            record = {**read_record(RECORD), f"{method} at {count}": entry}
            RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            print(f"{method} at {count}: {entry['scores']}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Make the runs that are missing and record all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="for images, edits and run folders")
    args = parser.parse_args(arguments)
    if Origin.now(torch.device("cpu")).to_provenance().dirty:
        parser.error("the checkout has uncommitted code, so the record could not say what made a run: commit it")
    measure(args.cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())

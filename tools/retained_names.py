"""Measure published settings that retain the celebrities that are scored, as papers do.

    python tools/retained_names.py --cache build/names    # the runs, one after another; docs/retained_names.json

No leaderboard takes such a run; tools/published_orders.py shows it beside the row whose list of other identities stands
in. A run stands in the record with its command, the names' digest, model and commit. What the folder holds of a run is
not made again.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.digest import digest_file
from iceb.running.plan import Ask, plan
from iceb.specs.results import Result
from tools.recorded_runs import make_run, refuse_uncommitted_code, run_facts, write_entry

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
        **run_facts(run_arguments(method, num_edits, FILE), result, METRICS),
    }


def recorded_runs(record: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Each recorded run: method, number of edits, and entry."""
    for method in LISTS:
        for count in COUNTS:
            if f"{method} at {count}" in record:
                yield method, count, record[f"{method} at {count}"]


def measure(folder: Path) -> None:
    """Make the runs and record each at once."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text("".join(f"{name}\n" for name in scored_others()), encoding="utf-8")
    for method in LISTS:
        for count in COUNTS:
            result = make_run(run_arguments(method, count, str(file)), folder, f"{method}-{count}")
            write_entry(RECORD, f"{method} at {count}", entry_of(method, count, result, digest_file(file)))


def main(arguments: list[str] | None = None) -> int:
    """Make the runs that are missing and record all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="for images, edits and run folders")
    args = parser.parse_args(arguments)
    refuse_uncommitted_code(parser, "a run")
    measure(args.cache)
    return 0


if __name__ == "__main__":
    sys.exit(main())

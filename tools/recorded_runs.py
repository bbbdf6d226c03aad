"""Make runs whose scores a record keeps beside the command, model and commit that made them."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from iceb.runs.folder import RESULT, folders_with, read_result
from iceb.runs.provenance import Origin
from iceb.specs.results import Result


def refuse_uncommitted_code(parser: argparse.ArgumentParser, what: str) -> None:
    """End the tool where the checkout has uncommitted code, which no record could name.

    Raises:
        SystemExit: it has.
    """
    if Origin.now(torch.device("cpu")).to_provenance().dirty:
        parser.error(f"the checkout has uncommitted code, so the record could not say what made {what}: commit it")


def make_run(arguments: Sequence[str], folder: Path, name: str) -> Result:
    """Run `iceb` on one thread, its cache and run folders below a folder.

    Images and edits are shared with other names of the folder.

    Args:
        arguments: of `iceb`, without folders.
        name: of the folder of this run's results.

    Raises:
        SystemExit: it failed.
    """
    out = folder / "runs" / name
    command = [sys.executable, "-m", "iceb", *arguments, "--cache", str(folder / "cache"), "--out", str(out)]
    if subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode != 0:
        raise SystemExit(f"the run {name} failed: see what it printed")
    return max((read_result(found / RESULT) for found in folders_with([out], RESULT)), key=_finish_time)


def _finish_time(result: Result) -> str:
    return result.provenance.finished


def run_facts(command: Sequence[str], result: Result, metrics: Sequence[str]) -> dict[str, Any]:
    """A record's account of a run: command, model, commit and the scores of some metrics."""
    return {
        "command": f"iceb {' '.join(command)}",
        "id": result.id,
        "model": result.model.digest,
        "commit": result.provenance.commit,
        "finished": result.provenance.finished,
        "scores": {name: score_of(result, name) for name in metrics},
    }


def score_of(result: Result, name: str) -> dict[str, float | None]:
    """The value and standard error of a metric."""
    score = result.score(name)
    return {"value": score.value if score else None, "stderr": score.stderr if score else None}


def read_record(path: Path) -> dict[str, Any]:
    """The entries of a record by name; none where nothing was recorded."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write_entry(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Keep one entry of a record, whose others stay."""
    path.write_text(json.dumps({**read_record(path), name: entry}, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {entry['scores']}", flush=True)

"""Time the way from a list of ten concepts to a shipped folder, with nothing found.

    python benchmarks/own_concepts.py [--method emcid] [--model mini] [--threads N]

The steps are the commands of docs/own_concepts.md: try, evaluate, edit, apply, each in a process of its own. Later ones
find what earlier ones left in the cache, as they would for a user; all that is written is thrown away. Run it on idle
cores.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

TEN = (
    ("lion", "hen"),
    ("goldfinch", "black stork"),
    ("otter", "zebra"),
    ("acoustic guitar", "violin"),
    ("airliner", "trailer truck"),
    ("banana", "lemon"),
    ("castle", "barn"),
    ("teapot", "espresso"),
    ("our mascot", "tiger"),
    ("the old logo", "umbrella"),
)
OTHERS = ("uce", "embedding_swap")  # tried beside the method


def write_list(path: Path) -> None:
    """Write the ten requests as CSV."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("source", "dest"), *TEN])


def steps(method: str, model: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Name each step, with the command's arguments."""
    asked = ["--requests", "ten.csv", "--model", model]
    tried = ",".join(dict.fromkeys([method, *OTHERS]))
    yield "try", ["try", *asked, "--method", tried, "--out", "trial", "--cache", "cache"]
    yield "evaluate", ["evaluate", *asked, "--method", method, "--out", "runs", "--cache", "cache"]
    yield "edit", ["edit", *asked, "--method", method, "--out", "edit", "--cache", "cache"]
    yield "apply", ["apply", model, "edit", "--out", "edited"]


def run_step(arguments: Sequence[str], folder: Path, threads: int | None) -> float:
    """Run one command in a folder; returns its seconds.

    Raises:
        SystemExit: it failed.
    """
    given = {} if threads is None else {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    began = time.perf_counter()
    command = [sys.executable, "-m", "iceb", *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **given}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return time.perf_counter() - began


def main() -> int:
    """Run the steps in turn, and print the seconds of each and of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="emcid")
    parser.add_argument("--model", default="mini", help="mini, or a folder or family with its weights")
    parser.add_argument("--threads", type=int, help="default: torch's own")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, total = Path(name), 0.0
        write_list(folder / "ten.csv")
        model = str(Path(args.model).resolve()) if Path(args.model).is_dir() else args.model
        for step, arguments in steps(args.method, model):
            seconds = run_step(arguments, folder, args.threads)
            total += seconds
            print(f"{step:<10}{seconds:8.1f} s", flush=True)
        print(f"{'all':<10}{total:8.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

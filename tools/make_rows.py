"""Run the rows of every task on mini: methods with published and tuned settings, and controls.

    python tools/make_rows.py --out runs --cache build/rows --list       # the runs, and which are there
    python tools/make_rows.py --out runs --cache build/rows              # those that are missing, one after another
    python tools/make_rows.py --out runs --cache build/rows --tasks celebrities artists --methods uce --edits 10 100

`tools/row_table.py` says which rows there are. Several processes may work at once, each run on one thread: each takes
the next run that nobody works on. Every run has a cache of its own, so that the cost of its (first) edit is a cold
one; only the images before the edit are shared, also by two tasks that draw the same, and each result counts them as
found. Outside AICE runs of a method also share its scratch, for the statistics of 20 000 captions take MACE three
minutes a run; costs are read from AICE's rows. A run that was stopped begins anew. Both folders hold one folder for
each commit, so that rows of one call are of one commit; `iceb leaderboard --add` then takes its results.

Of AICE up to ten edits are made on five disjoint draws of concepts, and what is trained from seeds is made with three
at 10 and 100 edits; other tasks are run once, as they are declared. `--list` says which runs cannot be made.
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.errors import IcebError
from iceb.running.planned import Plan
from iceb.runs.provenance import Origin
from iceb.specs.metrics import AFTER
from iceb.tasks.aice import AICE
from tools.row_runs import RowRun, row_runs
from tools.row_table import ROWS


@contextmanager
def run_lock(out: Path, run: str, *, wait: bool = False) -> Iterator[int | None]:
    """Hold a run's lock and yield its file descriptor; None where another process has it.

    It ends with this process and those that inherit the descriptor, so that a run outlives nobody unseen.
    """
    path = out / "locks" / run.replace("/", "_")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield stream.fileno()


def call_iceb(arguments: Sequence[str], lock: int) -> int:
    """Run `iceb` on one thread, in a process that holds the lock too; returns its exit code."""
    command, threads = [sys.executable, "-m", "iceb", *arguments], {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=False, pass_fds=(lock,), env={**os.environ, **threads}).returncode


def make_row(run: RowRun, out: Path, cache: Path, lock: int) -> bool:
    """Make one run, of AICE with a cold cache; returns whether it succeeded."""
    own, before = cache / run.id.replace("/", "_"), before_folder(run.task, cache)
    shutil.rmtree(own, ignore_errors=True)
    if (before / "images").is_dir():
        shutil.copytree(before / "images", own / "images", copy_function=os.link)
    if run.task != AICE.name:
        share_scratch(own, cache / "scratch" / run.method)
    code = call_iceb([*run.arguments, "--cache", str(own), "--out", str(out)], lock)
    shutil.rmtree(own, ignore_errors=True)
    return code == 0


def share_scratch(own: Path, shared: Path) -> None:
    """Let the scratch of a run's cache lie in a shared folder, which outlives that cache."""
    for folder in (own, shared):
        folder.mkdir(parents=True, exist_ok=True)
    (own / "scratch").symlink_to(shared.resolve(), target_is_directory=True)


def draw_before(task: str, out: Path, cache: Path) -> bool:
    """Draw a task's images before all edits once, by the control that makes none; others wait for it."""
    task = before_task(task)  # one lock and one mark for those that share the folder
    own, done = before_folder(task, cache), cache / f"before-{task}.done"
    with run_lock(out, f"before-{task}", wait=True) as lock:
        if lock is not None and not done.exists():
            folders = ["--cache", str(own), "--out", str(cache / "runs")]
            if all(call_iceb([*run.arguments, *folders], lock) == 0 for run in before_runs(task)):
                done.touch()
    return done.exists()


def before_task(task: str) -> str:
    """The task that draws a task's images before all edits: itself, or one that draws the same."""
    return ROWS[task].before or task if task in ROWS else task


def before_folder(task: str, cache: Path) -> Path:
    """The folder of a task's images before all edits, which may be another's."""
    return cache / "before" / before_task(task)


def before_runs(task: str) -> list[RowRun]:
    """The runs that draw all images before the edit: of lists that hold each other the longest."""
    runs = list(row_runs([task], ["unedited"]))
    return runs[-1:] if runs[-1].plan().parts.dataset.card.nested else runs


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = (AICE.name, *ROWS)
    parser.add_argument("--out", type=Path, required=True, help="where run folders are written, below the commit")
    parser.add_argument(
        "--cache", type=Path, required=True, help="for images before the edit, and each run's own cache"
    )
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks, metavar="NAME", help="default: all")
    parser.add_argument("--methods", nargs="+", default=(), metavar="NAME", help="default: all of each task")
    parser.add_argument("--edits", nargs="+", type=int, default=(), metavar="N", help="default: all of each task")
    parser.add_argument("--list", action="store_true", help="print the runs, and make none")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Make the runs that are missing, or list all; returns 1 where one failed or cannot run."""
    parser = _parser()
    args = parser.parse_args(arguments)
    runs, origin = list(row_runs(args.tasks, args.methods, args.edits)), Origin.now(torch.device("cpu")).to_provenance()
    if not runs:
        parser.error(f"no row of {', '.join(args.tasks)} has such a method and number of edits: leave one of them out")
    if origin.commit is None or (origin.dirty and not args.list):
        parser.error("the code is that of no commit, and no leaderboard takes what it makes: commit it first")
    out, cache = args.out / origin.commit[:12], args.cache / origin.commit[:12]
    return list_rows(runs, out) if args.list else make_rows(runs, out, cache)


def list_rows(runs: Sequence[RowRun], out: Path) -> int:
    """Print the runs with the images of each after the edit; returns 1 where one cannot run."""
    refused = 0
    for run in runs:
        command = f"iceb {' '.join(run.arguments)}"
        try:
            images = _images_after(run.plan())
        except IcebError as error:
            refused += 1
            print(f"refused {command}: {error}")
        else:
            state = "done   " if run.is_done(out) else "missing"
            print(f"{state} {command}  # {images} images after the edit", flush=True)
    return int(refused > 0)


def _images_after(found: Plan) -> int:
    prompts = (prompt for checkpoint in found.checkpoints for prompt in checkpoint.prompts)
    return sum(AFTER in found.selection.sides(prompt) for prompt in prompts)


def make_rows(runs: Sequence[RowRun], out: Path, cache: Path) -> int:
    """Make the runs that are missing and that nobody works on, task by task; returns 1 where one failed."""
    failed = []
    for task, of_task in groupby(runs, lambda run: run.task):
        if not draw_before(task, out, cache):
            failed.append(f"evaluate --method unedited --task {task}, without which no row of the task is made")
            continue
        failed += [" ".join(run.arguments) for run in of_task if not _make_where_missing(run, out, cache)]
    for words in failed:
        print(f"failed: iceb {words}", file=sys.stderr)
    return int(bool(failed))


def _make_where_missing(run: RowRun, out: Path, cache: Path) -> bool:
    """Make a run that is missing and that nobody works on; False where it failed, or cannot run."""
    try:
        name = run.id
    except IcebError as error:
        print(f"refused: {error}", file=sys.stderr)
        return False
    with run_lock(out, name) as lock:
        return lock is None or run.is_done(out) or make_row(run, out, cache, lock)


if __name__ == "__main__":
    sys.exit(main())

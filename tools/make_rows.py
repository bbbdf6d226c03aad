"""Run the rows of AICE on mini: every method, published and tuned, at every number of edits.

    python tools/make_rows.py --out runs --cache build/rows --list       # the runs, and which are there
    python tools/make_rows.py --out runs --cache build/rows              # those that are missing, one after another
    python tools/make_rows.py --out runs --cache build/rows --methods uce time --edits 10 50

Several processes may work at once, each run on one thread: each takes the next run that nobody works on. Every run has
a cache of its own, so that the cost of its (first) edit is a cold one; only the images before the edit are shared, and
each result counts them as found. A run that was stopped begins anew. Both folders hold one folder for each commit, so
that rows of one call are of one commit; `iceb leaderboard --add` then takes its results.

Up to ten edits are made on five disjoint draws of concepts; what is trained from seeds is made with three at 10 and
100 edits.
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.errors import ResultError
from iceb.baselines.recipes import shipped_recipe
from iceb.leaderboard.collect import refusal
from iceb.running.plan import Ask, plan
from iceb.runs.folder import RESULT, read_result
from iceb.runs.provenance import Origin
from iceb.specs.recipes import Which
from iceb.specs.repeats import Repeats
from iceb.tasks.aice import AICE

TASK, FAMILY = AICE.name, "mini"
CURVES = ("emcid", "uce", "time", "refact", "esd")  # first, for docs/order_on_mini.md is made of them
OTHERS = ("emcid-ns", "uce-emcid", "rece", "speed", "mace", "ablation", "finetune")
CONTROLS = ("unedited", "prompt_swap", "negative_prompt", "embedding_swap")
TRAINED = ("emcid", "emcid-ns", "esd", "mace", "ablation")  # edits that depend on the requests' seeds
EDITS, MORE_EDITS = (1, 10, 50, 100, 300), 200  # the second of EMCID and the controls too
FEW, DRAWS = 10, 5
SEEDS, SEEDED = 3, (10, 100)


@dataclass(frozen=True)
class RowRun:
    """One run of a row."""

    method: str
    num_edits: int
    which: Which | None  # which of the recipe's settings; None: there is no recipe

    @property
    def repeats(self) -> Repeats:
        """The draws and seeds of the run."""
        seeds = SEEDS if self.method in TRAINED and self.num_edits in SEEDED else 1
        return Repeats(DRAWS if self.num_edits <= FEW else 1, seeds)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `iceb` that make it, without folders."""
        each = ["evaluate", "--method", self.method, "--task", TASK, "--num-edits", str(self.num_edits)]
        each += ["--recipe", self.which] if self.which else []
        each += ["--draws", str(self.repeats.draws)] if self.repeats.draws > 1 else []
        return each + (["--replicates", str(self.repeats.replicates)] if self.repeats.replicates > 1 else [])

    @cached_property
    def id(self) -> str:
        """The run's id."""
        ask = Ask(task=TASK, method=self.method, num_edits=self.num_edits, recipe=self.which, repeats=self.repeats)
        return plan(ask, may_fetch=False).spec.id

    def is_done(self, out: Path) -> bool:
        """Whether a result is there that a leaderboard takes."""
        try:
            return refusal(read_result(out / self.id / RESULT)) is None
        except ResultError:  # none, or a damaged one
            return False


def recipes_of(method: str) -> tuple[Which | None, ...]:
    """The settings of a method that are rows: published and tuned ones, where they differ."""
    recipe = shipped_recipe(method, TASK)
    if recipe is None:
        return (None,)
    if not recipe.has_published:
        return ("tuned",)
    same = recipe.settings(FAMILY, "published") == recipe.settings(FAMILY, "tuned")
    return ("published",) if same else ("published", "tuned")


def row_runs(methods: Sequence[str], edits: Sequence[int]) -> Iterator[RowRun]:
    """List every run, those of the published curves first."""
    for method in methods:
        for which in recipes_of(method):
            for count in sorted({*EDITS, MORE_EDITS}) if method in (CURVES[0], *CONTROLS) else EDITS:
                if count in edits:
                    yield RowRun(method, count, which)


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
    """Make one run with a cold cache; returns whether it succeeded."""
    own, before = cache / run.id.replace("/", "_"), cache / "before"
    shutil.rmtree(own, ignore_errors=True)
    if (before / "images").is_dir():
        shutil.copytree(before / "images", own / "images", copy_function=os.link)
    code = call_iceb([*run.arguments, "--cache", str(own), "--out", str(out)], lock)
    shutil.rmtree(own, ignore_errors=True)
    return code == 0


def draw_before(out: Path, cache: Path) -> bool:
    """Draw the images before all edits once, by the control that makes none; others wait for it."""
    run, done = RowRun("unedited", max(EDITS), None), cache / "before.done"
    with run_lock(out, "before", wait=True) as lock:
        if lock is not None and not done.exists():
            folders = ["--cache", str(cache / "before"), "--out", str(cache / "runs")]
            if call_iceb([*run.arguments, *folders], lock) == 0:
                done.touch()
    return done.exists()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = (*CURVES, *CONTROLS, *OTHERS)
    parser.add_argument("--out", type=Path, required=True, help="where run folders are written, below the commit")
    parser.add_argument(
        "--cache", type=Path, required=True, help="for images before the edit, and each run's own cache"
    )
    parser.add_argument("--methods", nargs="+", choices=everything, default=everything, metavar="NAME")
    parser.add_argument("--edits", nargs="+", type=int, default=(*EDITS, MORE_EDITS), metavar="N")
    parser.add_argument("--list", action="store_true", help="print the runs, and make none")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Make the runs that are missing, or list all; returns 1 where one failed."""
    parser = _parser()
    args = parser.parse_args(arguments)
    runs, origin = list(row_runs(args.methods, args.edits)), Origin.now(torch.device("cpu")).to_provenance()
    if origin.commit is None or (origin.dirty and not args.list):
        parser.error("the code is that of no commit, and no leaderboard takes what it makes: commit it first")
    out, cache = args.out / origin.commit[:12], args.cache / origin.commit[:12]
    if args.list:
        for run in runs:
            print(f"{'done   ' if run.is_done(out) else 'missing'} iceb {' '.join(run.arguments)}")
        return 0
    return make_rows(runs, out, cache)


def make_rows(runs: Sequence[RowRun], out: Path, cache: Path) -> int:
    """Make the runs that are missing and that nobody works on; returns 1 where one failed."""
    if not draw_before(out, cache):
        return 1
    failed = []
    for run in runs:
        with run_lock(out, run.id) as lock:
            if lock is not None and not run.is_done(out) and not make_row(run, out, cache, lock):
                failed.append(" ".join(run.arguments))
    for words in failed:
        print(f"failed: iceb {words}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())

"""Kill a sweep at random moments, let it go on, and compare what comes out with an undisturbed one.

    python tools/kill_sweep.py --kills 5 --seed 1     # some rounds, about half a minute of a core
    python tools/kill_sweep.py --kills 0              # without them: two sweeps at once, and a method that raises

The sweep has a tiny random Stable Diffusion, two methods, and one or two edits. A round begins with empty folders: its
process gets SIGKILL at a moment drawn from the seed (by the CPU time it has spent, so that a busy machine changes
nothing), the same command is started again and killed again, until it ends. A line of the table says how often it was
killed, which images were stored twice and which edits were begun twice, and whether scores and the bytes of every image
are those of the undisturbed sweep. Everything lies below a temporary folder of its own. Exit code 1 if one differs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: processes are forked from this one

from iceb import registry
from iceb.base.digest import digest_bytes
from iceb.runs.folder import RESULT, read_result
from iceb.runs.ledger import LEDGER

ROOT = Path(__file__).parents[1]
PARTS = {  # group and name → place
    ("methods", "token_swap"): "iceb_example.method:TokenSwap",
    ("methods", "faulty"): "tests.cli.faulty:Faulty",
    ("measures", "colour_classes"): "iceb_example.measures:ColourClasses",
}
DECLARATION = {
    "sampling": {"scheduler": "ddim", "steps": 2, "guidance": 3.0, "height": 32, "width": 32},
    "measures": {"imagenet_classifier": "colour_classes"},
}
METHODS, POISONED = "unedited,token_swap", "unedited,faulty,token_swap"
POISON = ("--set", "faulty.fault=crash")
TICK = 0.002  # seconds between looks at a process
MOST = 8  # kills of one round; then it may end
KILLED = -signal.SIGKILL


@dataclass
class World:
    """The folders of one sweep, and a log of what its processes stored and edited."""

    folder: Path
    model: Path
    moments: list[float] = field(default_factory=list)  # of kills, in CPU seconds of the process

    @property
    def log(self) -> Path:
        """A line for each image that was stored and each edit that was begun."""
        return self.folder / "log.txt"

    def arguments(self, methods: str) -> list[str]:
        """The arguments of the sweep."""
        poison = POISON if "faulty" in methods else ()
        base = ["evaluate", "--method", methods, "--task", "aice", "--num-edits", "1,2", "--limit", "12", *poison]
        places = ["--model", str(self.model), "--cache", str(self.folder / "cache"), "--out", str(self.folder / "runs")]
        return [*base, "--data", "embedded", "--device", "cpu", *places]

    def start(self, methods: str = METHODS) -> int:
        """Start the sweep in a process of its own; its id."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if process := os.fork():
            return process
        code = 70
        try:
            with (self.folder / "said.txt").open("a", encoding="utf-8") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                note_work(self.log)
                from iceb.cli.main import run

                code = run(self.arguments(methods))
        finally:
            os._exit(code)

    def kill_at(self, moment: float, methods: str = METHODS) -> int:
        """Start the sweep and kill it once it has spent so much CPU time; its exit code, `KILLED` if it was."""
        process = self.start(methods)
        while not (found := os.waitpid(process, os.WNOHANG))[0]:
            if cpu_seconds(process) >= moment:
                os.kill(process, signal.SIGKILL)
                found = os.waitpid(process, 0)
                break
            time.sleep(TICK)
        code = os.waitstatus_to_exitcode(found[1])
        if code == KILLED:
            self.moments.append(moment)
        return code

    def work_twice(self) -> tuple[int, int, int]:
        """Images that were stored, those stored more than once, and edits begun more than once."""
        lines = Counter(self.log.read_text(encoding="utf-8").splitlines())
        images = {line: times for line, times in lines.items() if line.startswith("image ")}
        edits = sum(times > 1 for line, times in lines.items() if line.startswith("edit "))
        return len(images), sum(times > 1 for times in images.values()), edits

    def scores(self) -> dict[str, str]:
        """Status, scores, ledger and error of each run, by its id."""
        found = {}
        for path in sorted((self.folder / "runs").rglob(RESULT)):
            result, ledger = read_result(path), path.parent / LEDGER
            parts = [result.status, result.error, [score.model_dump(mode="json") for score in result.scores]]
            parts.append(digest_bytes(ledger.read_bytes()) if ledger.exists() else None)
            found[result.id] = json.dumps(parts)
        return found

    def images(self) -> dict[str, str]:
        """The digest of each image's file, by its place in the cache."""
        cache = self.folder / "cache"
        return {str(path.relative_to(cache)): digest_bytes(path.read_bytes()) for path in sorted(cache.rglob("*.png"))}


def wait_for(process: int) -> int:
    """Wait for a process; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def cpu_seconds(process: int) -> float:
    """CPU time that a process has spent."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def note_work(log: Path) -> None:
    """Have this process write a line for each image that it stores and each edit that it begins."""
    from iceb_example.method import TokenSwap

    from iceb.stores.images import ImageStore

    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    save, edit = ImageStore.save, TokenSwap.edit

    def noted_save(store, key, *more, **named):  # type: ignore[no-untyped-def]
        save(store, key, *more, **named)
        os.write(stream, f"image {key}\n".encode())

    def noted_edit(method, bundle, requests, *, context):  # type: ignore[no-untyped-def]
        os.write(stream, f"edit {method} {[each.id for each in requests]}\n".encode())
        return edit(method, bundle, requests, context=context)

    ImageStore.save, TokenSwap.edit = noted_save, noted_edit  # type: ignore[method-assign]


def make_world(root: Path) -> tuple[World, float]:
    """Register the parts, write the model, and make the undisturbed sweep; its CPU seconds."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "plugin" / "iceb-example")]  # neither is installed
    import diffusers  # noqa: F401 - before processes are forked
    import torch  # noqa: F401

    from iceb.running.sweeps import carrying_out  # noqa: F401
    from tests.conftest import save_sd

    known = registry.entries_of
    own = [registry.Registered(group, name, "kill-sweep", "0", place) for (group, name), place in PARTS.items()]  # type: ignore[arg-type]
    registry.entries_of = lambda group: [*known(group), *(each for each in own if each.group == group)]
    model = root / "model"
    if not (process := os.fork()):
        code = 1
        try:
            save_sd(model)
            code = 0
        finally:
            os._exit(code)  # not through this process's own ending, which removes the folder
    if wait_for(process):
        raise SystemExit("the model could not be written")
    (model / "iceb.json").write_text(json.dumps(DECLARATION), encoding="utf-8")
    undisturbed, before = World(root / "undisturbed", model), sum(os.times()[2:4])
    if code := wait_for(undisturbed.start()):
        raise SystemExit(f"the undisturbed sweep ended with {code}: {(undisturbed.folder / 'said.txt').read_text()}")
    return undisturbed, sum(os.times()[2:4]) - before  # user and system time of children


def line_of(name: str, world: World, undisturbed: World, wanted: Sequence[int], codes: Sequence[int]) -> str:
    """A line of the table; "NO" in it means that something differs."""
    images, twice, edits = world.work_twice()
    own = {run: found for run, found in world.scores().items() if "faulty" not in run}
    scores = own == undisturbed.scores() and list(codes) == list(wanted)
    same = world.images() == undisturbed.images()
    failed = sum("division by zero" in found for run, found in world.scores().items() if run not in own)
    more = f"; {failed} failed cells" if failed else ""
    moments = ", ".join(f"{each:.2f}" for each in world.moments) or "–"
    words = ["equal" if each else "NO" for each in (scores, same)]
    numbers = f"{images} | {twice} | {edits}"
    return f"| {name}{more} | {len(world.moments)} | {moments} | {numbers} | {words[0]} | {words[1]} |"


def killed_round(number: int, undisturbed: World, moments: random.Random, most: float, kills: int) -> tuple[World, int]:
    """Kill a sweep again and again until it ends; its last exit code."""
    world = World(undisturbed.folder.parent / f"round {number}", undisturbed.model)
    code = KILLED
    while code == KILLED:
        left = len(world.moments) < min(kills, MOST)
        code = world.kill_at(moments.uniform(0, most) if left else float("inf"))
    return world, code


def others(undisturbed: World, moments: random.Random, most: float) -> list[str]:
    """Two sweeps at once, the same with one of them killed, and one with a method that raises."""
    root, lines = undisturbed.folder.parent, []
    both = World(root / "both", undisturbed.model)
    codes = [wait_for(each) for each in [both.start(), both.start()]]
    lines.append(line_of("two at once", both, undisturbed, [0, 0], codes))
    one = World(root / "one of two", undisturbed.model)
    first = one.start()
    codes = [one.kill_at(moments.uniform(most / 4, most / 2)), wait_for(first)]
    lines.append(line_of("two at once, one killed", one, undisturbed, [KILLED, 0], codes))
    bad = World(root / "poisoned", undisturbed.model)
    codes = [bad.kill_at(moments.uniform(most / 4, most / 2), POISONED), wait_for(bad.start(POISONED))]
    lines.append(line_of("a method that raises", bad, undisturbed, [KILLED, 1], codes))
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry it out; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5, help="how often; 0: the other cases instead")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    chosen = parser.parse_args(arguments)
    root, moments = Path(tempfile.mkdtemp(prefix="iceb-kills-")), random.Random(chosen.seed)
    try:
        undisturbed, most = make_world(root)
        lines, left = [], chosen.kills
        while left > 0:
            world, code = killed_round(len(lines) + 1, undisturbed, moments, most / 2, left)
            lines.append(line_of(f"seed {chosen.seed}, round {len(lines) + 1}", world, undisturbed, [0], [code]))
            left -= len(world.moments)
        lines += [] if chosen.kills else others(undisturbed, moments, most)
        print("| sweep | kills | at CPU seconds | images | stored twice | edits begun twice | scores | image bytes |")
        print("|---|--:|---|--:|--:|--:|---|---|")
        print("\n".join(lines))
        print(f"{len(undisturbed.scores())} cells, {len(undisturbed.images())} images, {most:.1f} s of CPU undisturbed")
        return int(any("NO" in line for line in lines))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    raise SystemExit(main())

"""Simulate passes placed on workers that fail, and lay out ten million images on a disk.

    python tools/simulated_schedules.py            # print docs/scale.md
    python tools/simulated_schedules.py --write    # write it
    python tools/simulated_schedules.py --check    # fail when it is another

Time is in passes of a worker of speed 1. All that is assumed stands in `World` and on the page.
"""

import hashlib
import heapq
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.files import content_path
from iceb.stores.images import SUFFIX
from iceb.stores.packs import ENTRY, MOST
from tools.page_command import run_page_command
from tools.scale_costs import read_costs
from tools.scale_page import page_text

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
WORKERS = (1, 8, 64, 512)
PASSES = (1155, 23_100)  # AICE at 300 edits on SD-1.4, 9 236 images in passes of 8; and a sweep of 20 such runs
POLICIES = ("shards", "shards, then the rest", "queue")
REPEATS = 5
IMAGES = 10_000_000
IN_A_PACK = 1024
# A cache of mini's images (32×32) on an overlay file system with blocks of 4 096 bytes, looked at once by `stat`.
MEASURED = {"measured_images": 8932, "measured_bytes": 2009.7, "measured_disk": 4096.0}
KEYS = 100_000  # keys whose folders are counted
Event: TypeAlias = tuple[float, int, str, int]  # time, worker, what happens, the pass


@dataclass(frozen=True)
class World:
    """Assumptions of a simulation.

    Attributes:
        slowest: workers' speeds are uniform between this and 1.
        spread: a pass takes uniformly 1 − spread to 1 + spread over the speed.
        between: mean time between failures of one worker, exponential.
        away: time until a failed worker is back.
    """

    slowest: float = 0.7
    spread: float = 0.2
    between: float = 200.0
    away: float = 20.0


@dataclass(frozen=True)
class Outcome:
    """Figures of one simulation.

    Attributes:
        makespan: the time until all is drawn, over that of the same workers without failures and waiting.
        twice: passes drawn by a second worker whose images were there first, as a share of all.
        lost: passes cut off by a failure, likewise.
    """

    makespan: float
    twice: float
    lost: float


class Placement:
    """Chooses a worker's next pass under a policy; what is stored is known to all at once."""

    def __init__(self, policy: str, passes: int, workers: int, rng: np.random.Generator) -> None:
        self.policy, self.rng = policy, rng
        self.missing = list(range(passes))
        self.place = list(range(passes))
        self.queue = list(range(passes - 1, -1, -1))
        self.shards: list[list[int]] = [[] for _ in range(workers)]
        for number in range(passes - 1, -1, -1):
            self.shards[_hash(number) % workers].append(number)

    def next_pass(self, worker: int) -> int | None:
        """Return the next pass of a worker; None where it has none at present."""
        if self.policy == "queue":
            return self.queue.pop() if self.queue else None
        own = self.shards[worker]
        while own and self.place[own[-1]] < 0:
            own.pop()  # another has drawn it
        if own:
            return own[-1]
        if self.policy == "shards" or not self.missing:
            return None
        return self.missing[int(self.rng.integers(len(self.missing)))]

    def publish(self, number: int) -> bool:
        """Store a pass, the first writer wins; returns whether it was the first."""
        at = self.place[number]
        if at < 0:
            return False
        last = self.missing.pop()
        if last != number:
            self.missing[at], self.place[last] = last, at
        self.place[number] = -1
        return True

    def give_back(self, number: int) -> bool:
        """Place a pass anew whose worker failed; returns whether other workers may take it."""
        if self.policy == "queue":
            self.queue.append(number)
        return self.policy == "queue"


class Schedule:
    """One schedule, event by event: a worker is free, or has drawn a pass, or fails in the midst of one."""

    def __init__(self, policy: str, passes: int, workers: int, world: World, seed: int) -> None:
        self.world, self.rng, self.passes = world, np.random.default_rng(seed), passes
        self.speeds = self.rng.uniform(world.slowest, 1.0, workers)
        self.fails = self.rng.exponential(world.between, workers)  # the next failure of each worker
        self.placement = Placement(policy, passes, workers, self.rng)
        self.events: list[Event] = [(0.0, worker, "free", 0) for worker in range(workers)]
        self.idle: list[int] = []
        self.end, self.twice, self.lost = 0.0, 0, 0

    def run(self) -> Outcome:
        """Run it to its end."""
        while self.placement.missing:
            now, worker, event, number = heapq.heappop(self.events)
            if event == "failed":
                self._fail(now, worker, number)
                continue
            if event == "drawn":
                first = self.placement.publish(number)
                self.twice, self.end = self.twice + (not first), now if first else self.end
            self._begin(now, worker)
        ideal = self.passes / float(self.speeds.sum())
        return Outcome(self.end / ideal, self.twice / self.passes, self.lost / self.passes)

    def _begin(self, now: float, worker: int) -> None:
        chosen = self.placement.next_pass(worker)
        if chosen is None:
            self.idle.append(worker)
            return
        spread = self.world.spread
        stop = now + float(self.rng.uniform(1 - spread, 1 + spread)) / float(self.speeds[worker])
        failing = max(now, float(self.fails[worker]))
        event: Event = (failing, worker, "failed", chosen) if failing < stop else (stop, worker, "drawn", chosen)
        heapq.heappush(self.events, event)

    def _fail(self, now: float, worker: int, number: int) -> None:
        self.lost += 1
        back = now + self.world.away
        self.fails[worker] = back + self.rng.exponential(self.world.between)
        heapq.heappush(self.events, (back, worker, "free", 0))
        if self.placement.give_back(number):
            for other in self.idle:
                heapq.heappush(self.events, (now, other, "free", 0))
            self.idle = []


def mean_outcome(policy: str, passes: int, workers: int, world: World) -> Outcome:
    """Average several simulations."""
    found = [Schedule(policy, passes, workers, world, seed).run() for seed in range(REPEATS)]
    rows = [(each.makespan, each.twice, each.lost) for each in found]
    return Outcome(*(float(value) for value in np.mean(rows, axis=0)))


def folder_sizes() -> Counter[str]:
    """Images by folder, of keys that are digests, as the store lays them out."""
    keys = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(KEYS))
    return Counter(content_path(Path("images"), key, SUFFIX).parent.name for key in keys)


def layout_figures() -> dict[str, Any]:
    """Figures of the store's layout at `IMAGES` images."""
    found, packs = folder_sizes(), -(-IMAGES // IN_A_PACK)
    return {
        "images": IMAGES,
        "folders": len(found),
        "keys": KEYS,
        "most": max(found.values()),
        "a_folder": round(IMAGES / len(found)),
        "three_levels": round(IMAGES / len(found) ** 2),
        "mean": KEYS / len(found),
        "rows_in_a_pack": MOST // ENTRY - 2,  # the header's first line takes less than two entries
        "packs": packs,
        "pack_folder": round(packs / len(found)),
        "index_gb": IMAGES * ENTRY / 1e9,
        **MEASURED,
    }


def _hash(number: int) -> int:
    return int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8], "big")


def make_page() -> str:
    """Make the text of docs/scale.md."""
    world = World()
    rows = [
        (passes, workers, policy, mean_outcome(policy, passes, workers, world))
        for passes in PASSES
        for workers in WORKERS
        for policy in POLICIES
    ]
    return page_text(world, REPEATS, rows, layout_figures(), read_costs())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, write or check the page."""
    return run_page_command(__file__, __doc__, PAGE, make_page, arguments)


if __name__ == "__main__":
    sys.exit(main())

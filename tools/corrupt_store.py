"""Corrupt the stores of a small real run and count how often the damage is detected.

    python tools/corrupt_store.py --flips 5000 --swaps 500 --cuts 500 --runs 10

Everything happens in a folder of its own, which is removed at the end. For each store, single bits of random files are
flipped, files of a store are swapped, and files are cut short; each file is then read as a run reads it, and what comes
back is compared with what was written. At last the run itself is repeated on damaged caches, and its scores compared.
Exit code 1 if anything wrong came back.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from iceb.base.digest import digest, digest_array, digest_tensor
from iceb.running.measuring import stored_revision
from iceb.running.plan import Ask, plan
from iceb.running.run_folder import run
from iceb.stores.arrays import read_array
from iceb.stores.damage import take_damage
from iceb.stores.edits import EditStore
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.own_files import LEVELS, stored_files
from iceb.stores.packs import read_keys
from iceb.stores.text_states import TextStateStore

Content: TypeAlias = dict[str, Any]  # by key; what is missing is not there
Harm: TypeAlias = Callable[[random.Random, list[Path]], list[Path]]
REPORTED = 500  # trials between two lines of progress


@dataclass(frozen=True)
class Shelf:
    """A store: its files, and a function that reads it as a new process would."""

    name: str
    files: list[Path]
    read: Callable[[], Content]


def shelves(cache: Path, measures: Mapping[str, Any]) -> list[Shelf]:
    """Every store of the cache that holds a file."""
    reads = {
        "images": lambda keys: {key: found for key in keys if (found := _image(cache, key)) is not None},
        "edits": lambda keys: {key: found for key in keys if (found := _edit(cache, key)) is not None},
        "scratch": lambda keys: {key: found for key in keys if (found := _scratch(cache, key)) is not None},
    }
    files = {kind: [file.path for file in stored_files(cache, [kind])] for kind in LEVELS}
    found = [Shelf(kind, files[kind], _of_keys(read, files[kind])) for kind, read in reads.items()]
    texts = [key for path in files["texts"] for key in read_keys(path, "texts")]
    found.append(Shelf("texts", files["texts"], lambda: _texts(cache, texts)))
    for measure in measures.values():
        revision = stored_revision(measure, "cpu")
        owner = digest({"measure": measure.id, "revision": revision})
        own = [path for path in files["measured"] if path.parts[-3] == owner[:16]]
        keys = [key for path in own for key in read_keys(path, owner)]
        found.append(Shelf("measured", own, _rows(cache, measure.id, revision, keys)))
    return [shelf for shelf in found if shelf.files]


def _of_keys(read: Callable[[list[str]], Content], files: list[Path]) -> Callable[[], Content]:
    keys = [path.stem for path in files]
    return lambda: read(keys)


def _image(cache: Path, key: str) -> Any:
    found = ImageStore(cache).read(key)
    return None if found is None else digest_array(found)


def _edit(cache: Path, key: str) -> Any:
    found = EditStore(cache).read(key)
    if found is None:
        return None
    edit = found.edit
    tensors = {name: digest_tensor(tensor) for name, tensor in {**edit.weights, **edit.right}.items()}
    return [tensors, dict(edit.rewrites), edit.negative_prompt, dict(edit.log), found.seconds, dict(found.about)]


def _scratch(cache: Path, key: str) -> Any:
    found = read_array(cache / "scratch", key)
    return None if found is None else digest_array(found)


def _texts(cache: Path, keys: list[str]) -> Content:
    store = TextStateStore(cache)
    return {key: digest_array(found) for key in keys if (found := store.read(key)) is not None}


def _rows(cache: Path, measure: str, revision: str, keys: list[str]) -> Callable[[], Content]:
    def read() -> Content:
        return {key: digest_array(row) for key, row in MeasuredStore(cache).read(measure, revision, keys).items()}

    return read


def flip(chance: random.Random, files: list[Path]) -> list[Path]:
    """Flip one bit of one file."""
    path = chance.choice(files)
    data = bytearray(path.read_bytes())
    place = chance.randrange(8 * len(data))
    data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)
    return [path]


def swap(chance: random.Random, files: list[Path]) -> list[Path]:
    """Swap two files."""
    one, other = chance.sample(files, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return [one, other]


def cut(chance: random.Random, files: list[Path]) -> list[Path]:
    """Cut one file short."""
    path = chance.choice(files)
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])
    return [path]


def trial(shelf: Shelf, harm: Harm, chance: random.Random, truth: Content) -> str:
    """Damage files, read the store, classify the outcome, and restore the files."""
    before = {path: path.read_bytes() for path in shelf.files}
    harmed = harm(chance, shelf.files)
    found, damage = shelf.read(), take_damage()
    for path, data in before.items():
        if path in harmed or not path.exists():
            path.write_bytes(data)
    if any(found[key] != truth[key] for key in found):
        return "WRONG"
    if found == truth:
        return "changed nothing"
    return "noticed" if damage else "LOST IN SILENCE"


def count(stores: list[Shelf], harm: Harm, trials: int, chance: random.Random) -> Counter[tuple[str, str]]:
    """Count outcomes by store and kind over trials shared out evenly."""
    usable = [shelf for shelf in stores if harm is not swap or len(shelf.files) > 1]
    truths = {shelf.name: shelf.read() for shelf in usable}
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in range(trials):
        shelf = usable[number % len(usable)]
        outcomes[shelf.name, trial(shelf, harm, chance, truths[shelf.name])] += 1
        if (number + 1) % REPORTED == 0:
            print(f"{harm.__name__}: {number + 1} of {trials}", file=sys.stderr)
    return outcomes


def rerun(ask: Ask, stores: list[Shelf], out: Path, runs: int, chance: random.Random) -> Counter[tuple[str, str]]:
    """Repeat the run with one to three flipped bits in every store; its scores must not change."""
    truth = run(plan(ask), out)[0].scores
    outcomes: Counter[tuple[str, str]] = Counter()
    for _ in range(runs):
        for shelf in stores:
            for _ in range(chance.randint(1, 3)):
                flip(chance, [path for path in shelf.files if path.exists()])
        scores = run(plan(ask), out)[0].scores
        take_damage()
        outcomes["whole run", "same scores" if scores == truth else "WRONG"] += 1
    return outcomes


def main() -> int:
    """Make a run, damage its stores and print a table; return 1 if wrong data was read."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    for name, default in (("flips", 5000), ("swaps", 500), ("cuts", 500), ("runs", 5), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--method", default="uce")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="iceb-corrupt-") as folder:
        cache, out = Path(folder) / "cache", Path(folder) / "runs"
        ask = Ask(task="aice", method=given.method, num_edits=2, limit=8, cache=cache)
        planned = plan(ask)
        run(planned, out)
        stores = shelves(cache, planned.parts.scorer.measures)
        print(", ".join(f"{shelf.name} {len(shelf.files)} files" for shelf in stores))
        total: Counter[tuple[str, str]] = Counter()
        for harm, trials in ((flip, given.flips), (swap, given.swaps), (cut, given.cuts)):
            outcomes = count(stores, harm, trials, chance)
            total += outcomes
            for (store, outcome), number in sorted(outcomes.items()):
                print(f"{harm.__name__:<10} {store:<10} {outcome:<16} {number:>6}")
        outcomes = rerun(ask, stores, out, given.runs, chance)
        total += outcomes
        for (store, outcome), number in sorted(outcomes.items()):
            print(f"{'flips':<10} {store:<10} {outcome:<16} {number:>6}")
    wrong = sum(number for (_, outcome), number in total.items() if outcome.isupper())
    print(f"{total.total()} trials, {wrong} of them came back wrong or were lost in silence")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())

"""Count how many denoiser evaluations a trained method needs for its concepts, while it runs.

    python benchmarks/denoiser_calls.py [ROW …] [--write]

One evaluation is one row through the UNet (guidance costs two); a backward pass counts two more. The method edits its
concepts in the embedded model with its published settings, except that the fields of `small` are made smaller; the
count is then carried to the published values: in proportion where there is one such field, else along each field's own
slope (measured by doubling it), which is exact in the mean where the cost is a sum of parts that grow with one field
each. What an image or a latent costs does not depend on the model, so a count on the embedded model holds for Stable
Diffusion. `--write` puts the figures into results/denoiser_calls.json; rows that were not run keep theirs.

A new row is a line in ROWS.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.registry import load
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest

RESULTS = Path(__file__).parent / "results" / "denoiser_calls.json"
CONCEPT = EditRequest("calls/0", "golden retriever", ("tabby cat",), ("a photo of a {}", "{}"), seed=1)


@dataclass(frozen=True)
class Row:
    """A method with settings, and its expected number of evaluations.

    Attributes:
        method: registered name.
        expected: evaluations for one concept, by arithmetic on the authors' constants.
        full: the published settings.
        small: field → the smaller value that is run instead.
        note: where our count differs from the arithmetic on purpose.
        concepts: how many are edited at once, all with one destination; `expected` is then for all of them.
        keeps: the method's stages hand their results over through the scratch, so it must keep them during the edit.
    """

    method: str
    expected: int
    full: Mapping[str, Any]
    small: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    concepts: int = 1
    keeps: bool = False


PLAIN = {"augment": False, "images": 1000}  # the embedded model's images are too small to shrink; it costs the same
FLOAT32 = {"precision": "float32"}  # a count does not depend on the number format, and it is faster on a CPU
UNPRESERVED = {"ridge": 1.0, "train_preserve_scale": 0.0, "fuse_preserve_scale": 0.0}  # captions cost no evaluation
ROWS: dict[str, Row] = {
    "ablation": Row("ablation", 53_200, {"steps": 100, **PLAIN}, {"steps": 2, "images": 16}),
    "ablation, 100 concepts of one anchor": Row(
        "ablation",
        370_000,
        {"total_steps": 10_000, **PLAIN},
        {"total_steps": 4, "images": 16},
        note="the authors draw the anchor's images for each concept anew: 5 320 000",
        concepts=100,
    ),
    "esd 2023": Row(
        "esd",
        56_000,
        {"variant": "2023", "iterations": 1000},
        {"iterations": 50},
        note="fifty draws of a walk's length, whose sum has a standard deviation of 7 percent",
    ),
    "esd 2024": Row(
        "esd",
        12_200,
        {"variant": "2024", "iterations": 200},
        {"iterations": 50},
        note="the authors' training forward at guidance 1 asks for both halves and throws one away; ours asks for one",
    ),
    "esd 2025": Row(
        "esd",
        10_800,
        {"variant": "2025", "iterations": 200, **FLOAT32},
        note="latents walk in batches up to the longest of the batch: the fewer steps, the more is walked in vain",
    ),
    "mace, 2 concepts": Row(
        "mace",
        1_260,
        {"steps": 50, "images": 8, "draw_steps": 30, "segmenter": "none", **UNPRESERVED},
        note="two, because their images fill one pass; 630 a concept",
        concepts=2,
        keeps=True,
    ),
}


class Nothing:
    """A scratch store that stores nothing, so that every part is computed and counted."""

    texts = None

    def depends_on(self, *settings: str) -> "Nothing":
        """Return this store: only one method with one set of settings uses it."""
        return self

    def get(self, key: Mapping[str, Any]) -> None:
        """Find nothing."""

    def put(self, key: Mapping[str, Any], array: Any) -> None:
        """Drop the array."""

    def array(self, key: Mapping[str, Any], compute: Any) -> Any:
        """Compute the array, every time."""
        return compute()


class Fresh(Nothing):
    """A scratch store in memory, empty when the edit begins."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: Mapping[str, Any]) -> Any:
        """Return the array stored under this key, or None."""
        return self.kept.get(digest(key))

    def put(self, key: Mapping[str, Any], array: Any) -> None:
        """Store an array."""
        self.kept[digest(key)] = array

    def array(self, key: Mapping[str, Any], compute: Any) -> Any:
        """Return the stored array, or compute and store it."""
        return self.kept.setdefault(digest(key), compute())


@contextmanager
def count_calls(unet: Any) -> Iterator[list[int]]:
    """Record the cost of each denoiser call in the block: its rows, three times with a backward pass."""
    calls: list[int] = []

    def note(_module: Any, given: tuple[Any, ...], out: Any) -> None:
        found = out[0] if isinstance(out, tuple) else out.sample
        calls.append(len(found) * (3 if found.requires_grad else 1))

    handle = unet.register_forward_hook(note)
    try:
        yield calls
    finally:
        handle.remove()


def run(
    bundle: ModelBundle,
    method: str,
    settings: Mapping[str, Any],
    concepts: int = 1,
    keeps: bool = False,
    execution: Execution = DEFAULT,
) -> int:
    """Evaluations of one edit of `concepts` concepts."""
    names = [CONCEPT.source, *(f"thing {number}" for number in range(1, concepts))]
    requests = [replace(CONCEPT, id=f"calls/{place}", source=name) for place, name in enumerate(names)]
    with count_calls(bundle.pipeline.unet) as calls:
        context = MethodContext(Fresh() if keeps else Nothing(), execution)
        load("methods", method)(**settings).edit(bundle, requests, context=context)
    return sum(calls)


def count(bundle: ModelBundle, row: Row, execution: Execution = DEFAULT) -> int:
    """Evaluations at the published settings, extrapolated as the module's docstring says."""
    start = {**row.full, **row.small}
    base = run(bundle, row.method, start, row.concepts, row.keeps, execution)
    if not row.small:
        return base
    if len(row.small) == 1:
        ((name, small),) = row.small.items()
        return round(base * row.full[name] / small)
    total = float(base)
    for name, small in row.small.items():
        doubled = run(bundle, row.method, {**start, name: 2 * small}, row.concepts, row.keeps, execution)
        total += (doubled - base) / small * (row.full[name] - small)
    return round(total)


def main() -> None:
    """Count the chosen rows and print them; with --write, save them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help=f"some of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    bundle = ModelBundle(find("mini"), "cpu")
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["counts"] if RESULTS.exists() else {}
    for name in args.rows or ROWS:
        row = ROWS[name]
        found = count(bundle, row)
        print(
            f"{name}: {found} evaluations, {row.expected} expected ({found / row.expected:.3f})",
            flush=True,
        )
        run_at = {"full": dict(row.full), "small": dict(row.small)}
        counts = {"concepts": row.concepts, "evaluations": found, "expected": row.expected}
        kept[name] = {"method": row.method, **counts, **run_at, "note": row.note}
    if args.write:
        about = "one row through the UNet counts 1, its backward pass 2 more; `small` scaled to `full`"
        rows = {name: kept[name] for name in ROWS if name in kept}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"what": about, "counts": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

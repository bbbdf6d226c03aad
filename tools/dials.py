"""Compare candidate text encoders of mini by editing them alone, before a denoiser is trained.

    python tools/dials.py build/mini build/shared_0.5               # folders of tools/train_mini.py, text stage
    python tools/dials.py build/mini --methods emcid refact --edits 10 50 --json dials.json

For each folder it prints the participation ratio of the class states after layer 10, and for each method and number of
edits what is reached of the destinations and lost of the holdout, as shares of what the unedited encoder reads, beside
the published curve. The heads read instead of a denoiser and a judge, and EMCID's value vectors are ideal ones
(tools/mini/text_only.py): choose dials by it, report nothing of it as a result.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.methods.emcid import EMCID
from iceb.methods.emcid.concepts import EditedPrompts, concepts_of
from iceb.report.mini_quality.patching import participation_ratio
from tools.comparison.both_sides import COUNTS, EDITED, KEPT, METHODS
from tools.fidelity import committed_sides
from tools.mini.text_only import Reading, TextOnly

SETTINGS: Mapping[str, Mapping[str, Any]] = {"uce": {"variant": 2023}, "time": {}, "refact": {"caption_count": 6000}}
PRINTED = {ours: printed for printed, ours in METHODS.items()}


@dataclass(frozen=True)
class Point:
    """One method at one number of edits on one encoder, and the published numbers."""

    folder: str
    method: str
    num_edits: int
    edited: float  # the destinations' probability by the unedited sources'
    holdout: float  # the holdout's change by its unedited probability
    published_edited: float
    published_holdout: float

    @property
    def difference(self) -> float:
        """The mean absolute difference of the two numbers."""
        return fmean((abs(self.edited - self.published_edited), abs(self.holdout - self.published_holdout)))


@cache
def published_numbers() -> Mapping[tuple[str, int, str], float]:
    """The normalised published numbers, by printed method, number of edits and number."""
    return {(pair.printed, pair.num_edits, pair.number): pair.published for pair in committed_sides().pairs()}


def point_of(text: TextOnly, method: str, count: int, scratch: Path) -> Point:
    """Measure one method at one number of edits."""
    before = text.reading(300)
    found: Reading = text.emcid(count) if method == "emcid" else text.method(method, count, SETTINGS[method], scratch)
    known, printed = published_numbers(), PRINTED[method]
    return Point(
        folder=text.folder.name,
        method=method,
        num_edits=count,
        edited=found.dest / before.source,
        holdout=(found.holdout - before.holdout) / before.holdout,
        published_edited=known[printed, count, EDITED],
        published_holdout=known[printed, count, KEPT],
    )


def state_ratio(text: TextOnly) -> float:
    """The participation ratio of the states of the 300 sources after layer 10."""
    concepts = [concepts_of(request, EMCID())[0] for request in text.requests]
    with torch.no_grad():
        return participation_ratio(text.name_states(EditedPrompts(text.tower, concepts, "source"), concepts))


def compare(folders: list[Path], methods: list[str], counts: list[int]) -> list[Point]:
    """Measure and print every point."""
    points: list[Point] = []
    for folder in folders:
        text = TextOnly(folder)
        print(f"{folder.name}: participation ratio {state_ratio(text):.1f}, unedited {text.reading(300)}", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            for method in methods:
                for count in counts:
                    one = point_of(text, method, count, Path(scratch))
                    points.append(one)
                    said = f"edited {one.edited:.3f} ({one.published_edited:.3f})"
                    said += f" holdout {one.holdout:.3f} ({one.published_holdout:.3f})"
                    print(f"  {method} {count}: {said} difference {one.difference:.3f}", flush=True)
        print(f"{folder.name}: {fmean(p.difference for p in points if p.folder == folder.name):.3f}", flush=True)
    return points


def main() -> None:
    """Compare the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="--out of tools/train_mini.py, its text stage begun")
    parser.add_argument("--methods", nargs="+", choices=["emcid", *SETTINGS], default=["emcid", "uce", "time"])
    parser.add_argument("--edits", nargs="+", type=int, choices=COUNTS, default=list(COUNTS))
    parser.add_argument("--json", type=Path, help="write the points here as well")
    args = parser.parse_args()
    for folder in args.folders:
        if not (folder / "text.pt").exists():
            parser.error(f"{folder} has no text.pt: run tools/train_mini.py --out {folder} --stage text first")
    points = compare(args.folders, args.methods, args.edits)
    if args.json:
        args.json.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

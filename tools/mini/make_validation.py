"""Make the validation classes of tuning: 150 to edit with their destinations, and 184 as the holdout.

They are the 334 classes that embedded AICE neither edits nor holds out, in a seeded order; destinations follow AICE's
rule with mini's text encoder (tools/mini/make_aice.py). The shipped file stays as it is when the
weights change, so that trials compare. iceb/tuning/validation.py reads it.

    python tools/mini/make_validation.py
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tools are no installed package

from iceb.mini.world import NUM_CLASSES
from iceb.tuning.validation import SEED, SOURCES, scored_classes
from tools.mini.make_aice import DATA, dests_of


def split_classes() -> tuple[list[int], list[int]]:
    """The classes to edit, and the others, which serve as destinations and as the holdout."""
    spare = sorted(set(range(NUM_CLASSES)) - scored_classes())
    drawn = [int(label) for label in np.random.default_rng(SEED).permutation(spare)]
    return drawn[:SOURCES], drawn[SOURCES:]


def main() -> None:
    """Write iceb/mini/data/validation.json."""
    sources, holdout = split_classes()
    parts = {"sources": sources, "dests": dests_of(sources, holdout), "holdout": holdout}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(labels)}" for name, labels in parts.items())
    (DATA / "validation.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

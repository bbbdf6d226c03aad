"""Measure on mini how much of other names' text states lies in the span of the edited names.

Cross-attention reads the states of a name's tokens. A closed form that moves the last tokens' states of N names moves
everything in their span along; mini's states have 128 numbers, Stable Diffusion 1.4's 768.

    python tools/name_spans.py [--counts 1 2 5 10 20 50 100 150]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.methods.common.attention import StateReader
from iceb.mini.world import class_names
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.tuning.validation import SOURCES, validation


def last_rows(reader: StateReader, names: Sequence[str]) -> Tensor:
    """The state of each name's last token, (N, d) float64."""
    return torch.stack([state.rows[state.last] for state in reader(names)])


def share(edited: Tensor, other: Tensor) -> float:
    """The mean share of a row's energy in `other` (M, d) that lies in the span of `edited` (N, d)."""
    basis, _ = torch.linalg.qr(edited.T)  # (d, min(N, d))
    return float(((other @ basis).norm(dim=1) ** 2 / other.norm(dim=1) ** 2).mean())


def main() -> None:
    """Print the share for each number of edits, on the validation classes of tools/tune_mini.py."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 5, 10, 20, 50, 100, 150])
    counts = parser.parse_args().counts
    reader, tried = StateReader(ModelBundle(find("mini"), "cpu")), validation(SOURCES)
    edited = last_rows(reader, [request.source for request in tried.requests])
    other = last_rows(reader, [class_names()[label] for label in tried.labels])
    for count in counts:
        print(f"{count:4} names span {share(edited[:count], other):.2f} of what other names hold")


if __name__ == "__main__":
    main()

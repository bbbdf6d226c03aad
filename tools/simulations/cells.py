"""Cells of a simulation: each has a seed of its own and is kept when it is done."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

RESULTS = Path(__file__).parent / "results"
SEED = 14
Numbers: TypeAlias = Mapping[str, float]
Cell: TypeAlias = Callable[[np.random.Generator], Numbers]


def read_cells(name: str) -> dict[str, dict[str, float]]:
    """The finished cells of a simulation."""
    path = RESULTS / f"{name}.json"
    found: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def run_cells(name: str, cells: Mapping[str, Cell]) -> None:
    """Compute the cells that are not done; one's seed is the simulation's with its own name."""
    done = read_cells(name)
    for label, cell in cells.items():
        if label in done:
            continue
        random = np.random.default_rng([SEED, *f"{name}/{label}".encode()])
        done[label] = {key: round(float(number), 4) for key, number in cell(random).items()}
        print(label, done[label], flush=True)
        text = json.dumps({key: done[key] for key in cells if key in done}, indent=1, ensure_ascii=False)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")

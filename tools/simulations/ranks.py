"""Family error of the pairwise tests, and coverage of rank intervals, with fifteen methods."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from iceb.statistics.clusters import Floats
from iceb.statistics.paired_tests import holm, t_pvalues
from iceb.statistics.rank_intervals import rank_intervals
from tools.simulations.cells import Cell, run_cells
from tools.simulations.populations import SIZES, destinations
from tools.simulations.tests import outcomes, single_part

NAME = "ranks"
METHODS, LAYOUTS, EACH = 15, 20, 50
EQUAL = tuple([1.0] * METHODS)
SPREAD = tuple(np.repeat([-4.0, -1.0, 0.0, 1.0, 3.0], 3).tolist())  # five levels, three methods each
PAIRS = np.array(list(combinations(range(METHODS), 2)))


def ranks_cell(requests: int, levels: tuple[float, ...]) -> Cell:
    """Shares of samples with a false difference, and with every rank in its interval."""
    order = np.array(levels)
    truth = [(1 + int((order > each).sum()), int((order >= each).sum())) for each in order]

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        found = []
        for _ in range(LAYOUTS):
            layout = destinations(random, requests)
            after = _with_levels(random, layout, levels)
            found += [_sample(row, layout, order, truth) for row in np.swapaxes(after, 0, 1)]
        names = ("false difference", "all ranks covered", "a rank covered", "mean length", "old rule splits two equals")
        return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))

    return cell


def _with_levels(random: np.random.Generator, layout: np.ndarray, levels: tuple[float, ...]) -> Floats:
    """Probabilities of every method, (methods, EACH, requests)."""
    after = outcomes(random, layout, METHODS, 0.0, EACH)
    logits = np.log(np.clip(after, 1e-12, 1 - 1e-12) / np.clip(1 - after, 1e-12, 1))
    return 1 / (1 + np.exp(-(logits + np.array(levels)[:, None, None])))


def _sample(after: Floats, layout: np.ndarray, order: Floats, truth: list[tuple[int, int]]) -> list[float]:
    means = after.mean(axis=-1)
    one, other = PAIRS.T
    apart = after[one] - after[other]
    gains = means[one] - means[other]
    variance, freedom = single_part(layout).variance((apart - gains[:, None]) / after.shape[-1])
    adjusted = np.array(holm(t_pvalues(gains, variance, freedom).tolist()), dtype=float)
    better = np.zeros((METHODS, METHODS), dtype=bool)
    for (i, j), gain, p in zip(PAIRS, gains, adjusted, strict=True):
        if p <= 0.05:
            better[(i, j) if gain > 0 else (j, i)] = True
    intervals = rank_intervals(better)
    covered = [first >= each.first and last <= each.last for each, (first, last) in zip(intervals, truth, strict=True)]
    false = bool((better & (order[:, None] <= order)).any())
    length = np.mean([each.last - each.first + 1 for each in intervals])
    return [false, all(covered), np.mean(covered), length, _old_rule(after)]


def _old_rule(after: Floats) -> float:
    """Whether two rows of one level get different ranks: a gap beyond the larger error."""
    means, errors = after.mean(axis=-1)[:2], after.std(axis=-1, ddof=1)[:2] / np.sqrt(after.shape[-1])
    return float(abs(means[0] - means[1]) > errors.max())


def main() -> None:
    """Compute the cells that are not done."""
    run_cells(
        NAME,
        {
            f"{name}, {size} requests": ranks_cell(size, levels)
            for name, levels in (("fifteen equal methods", EQUAL), ("five levels of three", SPREAD))
            for size in SIZES
        },
    )


if __name__ == "__main__":
    main()

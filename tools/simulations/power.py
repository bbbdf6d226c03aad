"""Power at the number of concepts and seeds that `iceb plan` names."""

from collections.abc import Mapping

import numpy as np

from iceb.statistics.paired_tests import t_pvalues
from iceb.statistics.power import PairedVariance, concepts_needed
from tools.simulations.cells import Cell, run_cells

NAME = "power"
REPEATS = 4000
DIFFER = 0.2  # of the concepts the methods differ wholly: +1 or −1


def power_cell(difference: float, power: float, seed_spread: float, seeds: int) -> Cell:
    """The share of samples that see it; concepts differ by −1, 0 or 1, seeds by a normal number."""
    variance = PairedVariance(DIFFER - difference**2, seed_spread**2)
    concepts = concepts_needed(difference, variance, seeds, power=power)

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        if concepts is None:
            raise ValueError(f"no number of concepts sees {difference:g}: choose more seeds")
        up, down = (DIFFER + difference) / 2, (DIFFER - difference) / 2
        hits = [_sees(random, concepts, seeds, (up, down), seed_spread) for _ in range(REPEATS)]
        return {"planned": power, "concepts": concepts, "power": float(np.mean(hits))}

    return cell


def _sees(
    random: np.random.Generator, concepts: int, seeds: int, shares: tuple[float, float], seed_spread: float
) -> bool:
    drawn = random.random(concepts)
    apart = (drawn < shares[0]).astype(float) - (drawn > 1 - shares[1])
    of_seeds = seed_spread * random.normal(size=seeds) if seed_spread else np.zeros(seeds)
    variance = PairedVariance(float(apart.var(ddof=1)), float(of_seeds.var(ddof=1)) if seeds > 1 else 0.0)
    mean = np.array([apart.mean() + of_seeds.mean()])
    error, freedom = variance.error(concepts, seeds), variance.freedom(concepts, seeds)
    return bool(t_pvalues(mean, np.array([error**2]), np.array([freedom]))[0] <= 0.05)


def main() -> None:
    """Compute the cells that are not done."""
    cells = {
        f"difference {difference:g}, power {power:g}": power_cell(difference, power, 0.0, 1)
        for difference in (0.03, 0.05, 0.1)
        for power in (0.8, 0.9)
    }
    for difference, seeds in ((0.05, 5), (0.1, 3)):
        name = f"difference {difference:g}, power 0.8, {seeds} seeds that spread by 0.02"
        cells[name] = power_cell(difference, 0.8, 0.02, seeds)
    run_cells(NAME, cells)


if __name__ == "__main__":
    main()

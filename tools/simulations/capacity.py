"""Coverage of the intervals of capacities, areas and half-lives.

All numbers of edits share concepts, as AICE's do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iceb.statistics.capacity import areas, capacities, capacity_scores, half_lives
from iceb.statistics.capacity_intervals import Estimate, percentile_ends, resampled_scores, spread_of
from iceb.statistics.clusters import Design, Floats
from tools.simulations.cells import Cell, run_cells
from tools.simulations.populations import DESTS, destinations, expit, quality
from tools.simulations.tests import single_part

NAME = "capacity"
LAYOUTS, EACH = 20, 50  # layouts of destinations, samples of each
COUNTS, SMALL = (10, 50, 100, 200, 300), (10, 20, 30, 50)
HOLDOUT = 100  # classes left alone
SHARP = 4.0  # logits' scale: probabilities near 0 and 1
LEVEL = 0.5
TRUE_SAMPLE = 100_000


@dataclass(frozen=True)
class Curves:
    """The true scores of a method at each number of edits."""

    counts: tuple[int, ...]
    efficacy: tuple[float, ...]
    preservation: tuple[float, ...]

    @property
    def scores(self) -> Floats:
        """The capacity scores."""
        return capacity_scores(np.array(self.efficacy), np.array(self.preservation))


KEPT = (0.99, 0.95, 0.9, 0.85, 0.8)
CURVES = {
    "efficacy falls": Curves(COUNTS, (0.9, 0.8, 0.65, 0.45, 0.3), KEPT),
    "preservation falls": Curves(COUNTS, (0.95,) * 5, (0.99, 0.9, 0.8, 0.6, 0.4)),
    "both fall alike": Curves(COUNTS, (0.95, 0.8, 0.65, 0.45, 0.3), (0.95, 0.8, 0.65, 0.45, 0.3)),
    "nearly flat at the level": Curves(COUNTS, (0.56, 0.54, 0.52, 0.48, 0.46), KEPT),
    "passes at a measured number": Curves(COUNTS, (0.9, 0.7, 0.5, 0.35, 0.2), KEPT),
    "holds at the largest number": Curves(COUNTS, (0.9, 0.85, 0.8, 0.7, 0.6), KEPT),
    "holds at none": Curves(COUNTS, (0.4, 0.3, 0.2, 0.1, 0.05), KEPT),
    "efficacy falls, 10 to 50 edits": Curves(SMALL, (0.9, 0.7, 0.45, 0.3), (0.99, 0.97, 0.95, 0.9)),
}


def changes(common: Floats, own: Floats, level: float) -> Floats:
    """Shares of concepts between 0 and 1: half of the logits' variance is that of every number of edits."""
    return expit(SHARP * (common + own) / np.sqrt(2) + level)


def tops(common: Floats) -> Floats:
    """The ceiling's value of each request."""
    return 0.95 * expit(1.5 * common + 4)


def befores(common: Floats) -> Floats:
    """The unedited model's value of each class left alone."""
    return 0.95 * expit(1.5 * common + 3)


def level_of(wanted: float, measure: Callable[[float], float]) -> float:
    """The logits' level at which a rising measure has a value."""
    from scipy.optimize import brentq

    return float(brentq(lambda level: measure(level) - wanted, -40, 40, xtol=1e-6))


def true_levels(found: Curves) -> tuple[list[float], list[float]]:
    """The levels of the logits at which both scores are what they are to be in the population."""
    random = np.random.default_rng(1)
    common, own, judged = random.normal(size=(3, TRUE_SAMPLE))
    before = befores(judged)

    def efficacy(level: float) -> float:
        return float((tops(common) * changes(common, own, level)).mean() / tops(common).mean())

    def preservation(level: float) -> float:
        return float((before * changes(common, own, level)).mean() / before.mean())

    return [level_of(each, efficacy) for each in found.efficacy], [
        level_of(each, preservation) for each in found.preservation
    ]


def capacity_cell(found: Curves) -> Cell:
    """The shares of samples whose intervals hold the population's numbers, or miss them."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        levels, reads = true_levels(found), readings(found.counts)
        true = {name: float(read(found.scores)) for name, read in reads.items()}
        hits: dict[str, list[float]] = {}
        for _ in range(LAYOUTS):
            layout = destinations(random, max(found.counts))
            for efficacy, preservation in _samples(random, layout, found, levels):
                drawn = resampled_scores(efficacy, preservation, random)
                for name, read in reads.items():
                    low, high = percentile_ends(read(drawn))
                    hits.setdefault(name, []).append(low <= true[name] <= high)
                    if name == "capacity":
                        hits.setdefault("too high", []).append(low > true[name])
                        hits.setdefault("too low", []).append(high < true[name])
        shares = {name: float(np.mean(each)) for name, each in hits.items()}
        if np.isinf(true["half-life"]) or np.isnan(true["half-life"]):
            shares.pop("half-life")
        return {"true capacity": min(true["capacity"], max(found.counts)), **shares}

    return cell


def readings(counts: Sequence[int]) -> dict[str, Callable[[Floats], Floats]]:
    """The numbers that are read off a curve, by name."""
    return {
        "capacity": lambda scores: capacities(counts, scores, LEVEL),
        "area": lambda scores: areas(counts, scores),
        "half-life": lambda scores: half_lives(counts, scores),
    }


def _samples(
    random: np.random.Generator, layout: npt.NDArray[np.int64], found: Curves, levels: tuple[list[float], list[float]]
) -> list[tuple[list[Estimate], list[Estimate]]]:
    """Both scores at each number of edits, of some samples of one layout."""
    common, classes = quality(random, layout, EACH, 0.5), np.arange(HOLDOUT)
    judged, kept = random.normal(size=(2, EACH, HOLDOUT))
    before = befores(judged)
    sides: list[list[list[Estimate]]] = [[], []]
    for count, efficacy, preservation in zip(found.counts, *levels, strict=True):
        place = slice(0, max(count, 50) if found.counts == COUNTS else count)  # five draws of ten, as AICE has
        mine, top = common[:, place], tops(common[:, place])
        value = top * changes(mine, quality(random, layout[place], EACH, 0.5), efficacy)
        after = before * changes(kept, random.normal(size=kept.shape), preservation)
        sides[0].append(_ratios(value, top, single_part(layout[place])))
        sides[1].append(_ratios(after, before, single_part(classes)))
    return [tuple([each[sample] for each in side] for side in sides) for sample in range(EACH)]  # type: ignore[misc]


def _ratios(above: Floats, below: Floats, design: Design) -> list[Estimate]:
    """The ratio of two means over concepts in each sample, with the influence of each cluster."""
    estimates = []
    for one, other in zip(above, below, strict=True):
        ratio = float(one.mean() / other.mean())
        spread = spread_of((one - ratio * other) / other.mean() / len(one), design)
        whole = np.zeros(DESTS)
        whole[np.unique(design.clusters)] = spread.sums
        estimates.append(Estimate(ratio, whole, max(spread.variance - spread.over_clusters, 0.0)))
    return estimates


def main() -> None:
    """Compute the cells that are not done."""
    run_cells(NAME, {name: capacity_cell(found) for name, found in CURVES.items()})


if __name__ == "__main__":
    main()

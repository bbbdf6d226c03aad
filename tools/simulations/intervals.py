"""Coverage of candidate 95 % intervals of a mean over 10, 30, 100 and 300 concepts."""

from collections.abc import Callable, Mapping

import numpy as np

from iceb.statistics.clusters import Design, Floats
from iceb.statistics.intervals import (
    Ends,
    bca_interval,
    bootstrap_t_interval,
    logit_interval,
    percentile_interval,
    resample_counts,
    skew_interval,
    t_interval,
    wilson_interval,
)
from tools.simulations.cells import Cell, run_cells
from tools.simulations.populations import DESTS, SIZES, Draw, destinations, expit, populations, quality

REPEATS = 4000
CHUNK = 500  # repeats that share one set of resamples
LAYOUTS = 20
NAME, SHARED = "intervals", "shared_destinations"


def coverage_cell(draw: Draw, mean: float, concepts: int) -> Cell:
    """Shares of samples whose interval holds the population's mean, and mean lengths, for each candidate."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        hits: dict[str, list[Floats]] = {}
        for _ in range(REPEATS // CHUNK):
            sample = draw(random, (CHUNK, concepts))
            for name, (low, high) in _candidates(sample, resample_counts(concepts, random)).items():
                hits.setdefault(name, []).append(((low <= mean) & (mean <= high)).astype(float))
                hits.setdefault(f"{name} length", []).append(high - low)
        return {name: float(np.concatenate(found).mean()) for name, found in hits.items()}

    return cell


def _candidates(sample: Floats, counts: np.ndarray) -> dict[str, Ends]:
    """Every candidate's intervals; shares of changes in [-1, 1] are placed in [0, 1] first."""
    shift, scale = (1.0, 2.0) if sample.min() < 0 else (0.0, 1.0)
    share = (sample + shift) / scale

    def back(make: Callable[[Floats], Ends]) -> Ends:
        low, high = make(share)
        return low * scale - shift, high * scale - shift

    return {
        "t": t_interval(sample),
        "skew": skew_interval(sample),
        "logit": back(logit_interval),
        "wilson": back(wilson_interval),
        "percentile": percentile_interval(sample, counts),
        "bca": bca_interval(sample, counts),
        "bootstrap_t": bootstrap_t_interval(sample, counts),
    }


def shared_cell(requests: int) -> Cell:
    """Coverage of Student's t by request and by destination, which has half of the variance."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        truth = float(expit(4 * random.normal(size=2_000_000) + 1.5).mean())
        hits: dict[str, list[Floats]] = {"by request": [], "by destination": []}
        for _ in range(LAYOUTS):
            layout = destinations(random, requests)
            sample = expit(4 * quality(random, layout, REPEATS // LAYOUTS, 0.5) + 1.5)
            for name, clusters in (("by request", np.arange(requests)), ("by destination", layout)):
                hits[name].append(_covers(sample, clusters, truth))
        return {name: float(np.concatenate(found).mean()) for name, found in hits.items()}

    return cell


def _covers(sample: Floats, clusters: np.ndarray, truth: float) -> Floats:
    from scipy.special import stdtrit

    count = sample.shape[-1]
    one, same = np.zeros(count, dtype=np.int64), np.full(count, 1 / count)
    design = Design(one, np.arange(count), clusters, one, same)
    mean = sample.mean(axis=-1)
    variance, freedom = design.variance((sample - mean[:, None]) / count)
    return (np.abs(mean - truth) <= stdtrit(freedom, 0.975) * np.sqrt(variance)).astype(float)


def main() -> None:
    """Compute the cells that are not done."""
    drawn = populations()
    run_cells(
        NAME,
        {f"{name}, {size}": coverage_cell(draw, mean, size) for name, (draw, mean) in drawn.items() for size in SIZES},
    )
    run_cells(SHARED, {f"{size} of {DESTS}": shared_cell(size) for size in SIZES})


if __name__ == "__main__":
    main()

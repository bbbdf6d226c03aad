"""Shares of false and of true claims that pass: alone, on few clusters, and in files of twenty."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from iceb.statistics.bounded import BoundedMean
from iceb.statistics.clusters import Floats
from iceb.statistics.one_sided import Estimate, p_above, p_below, p_within, skewness_of
from iceb.statistics.paired_tests import holm
from iceb.statistics.power import PairedVariance, detectable_difference
from tools.simulations.cells import Cell, run_cells
from tools.simulations.populations import DESTS, Draw, beta, destinations, expit, populations, quality

SINGLE, FILES, SMALL, PAIRED = "claims", "claim_files", "small_claims", "paired_claims"
SIZES, LARGE, FEW = (30, 100, 300), (100, 300), (10, 30, 99)
RESAMPLES, OF_SMALL, PART = 1999, 4000, 250  # of a test by bounds; samples of a cell, and how many at once
APART = 0.3  # of a claim that is true by so much
ALPHA, CLAIMS = 0.05, 20
REPEATS, CHUNK, OF_FILES = 4000, 500, 1000
DIFFER = 0.2  # of the concepts two methods differ wholly: +1 or −1
MEAN = 0.05  # of that difference


def differences(mean: float = MEAN, differ: float = DIFFER) -> tuple[Draw, float]:
    """Paired differences of two methods, −1, 0 or 1, and their mean; `differ` is the share that is not 0."""
    up = (differ + mean) / 2

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        drawn = random.random(shape)
        return (drawn < up).astype(float) - (drawn > 1 - (differ - up))

    return draw, mean


def estimate(sample: Floats) -> Estimate:
    """The mean over the last axis with what a test needs, each concept a cluster."""
    count = sample.shape[-1]
    mean = sample.mean(axis=-1)
    apart = (sample - mean[..., None]) / count
    stderr = sample.std(axis=-1, ddof=1) / np.sqrt(count)
    return Estimate(mean, stderr, np.full(mean.shape, count - 1.0), skewness_of(apart))


def t_alone(found: Estimate) -> Estimate:
    """An estimate without its skewness, so that its tests are Student's."""
    return Estimate(found.value, found.stderr, found.freedom, np.zeros_like(found.value))


def single_cell(draw: Draw, mean: float, concepts: int) -> Cell:
    """Shares of claims that pass at 5 % though the truth lies on their bound, by direction and test."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        hits: dict[str, list[Floats]] = {}
        for _ in range(REPEATS // CHUNK):
            found = estimate(draw(random, (CHUNK, concepts)))
            for name, each in (("", found), (", t alone", t_alone(found))):
                hits.setdefault(f"above{name}", []).append(p_above(each, mean) <= ALPHA)
                hits.setdefault(f"below{name}", []).append(p_below(each, mean) <= ALPHA)
        return {name: float(np.concatenate(rows).mean()) for name, rows in hits.items()}

    return cell


def shared_draw(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Probabilities of requests that share destinations: means of clusters, and their sizes.

    Clusters that a sample lacks have the size 0.
    """
    layout = destinations(random, shape[1])
    values = expit(3 * quality(random, layout, shape[0], 0.5))
    sizes = np.bincount(layout, minlength=DESTS).astype(float)
    held = np.flatnonzero(sizes)
    sums = np.stack([np.bincount(layout, weights=row, minlength=DESTS) for row in values])
    return sums[:, held] / sizes[held], np.broadcast_to(sizes[held], (shape[0], len(held)))


def small_cell(draw: Draw | None, mean: float, concepts: int) -> Cell:
    """Shares of claims on few clusters that pass, tested by bounds: false ones, and true by `APART`."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        hits: dict[str, list[Floats]] = {}
        for _ in range(OF_SMALL // PART):
            if draw is None:
                means, sizes = shared_draw(random, (PART, concepts))
            else:
                means = draw(random, (PART, concepts))
                sizes = np.ones_like(means)
            found = BoundedMean(means, sizes, -1.0, 1.0)
            for name, p in (
                ("above", found.p_above(mean, RESAMPLES)),
                ("below", found.p_below(mean, RESAMPLES)),
                (f"true by {APART:g}: above", found.p_above(mean - APART, RESAMPLES)),
                (f"true by {APART:g}: below", found.p_below(mean + APART, RESAMPLES)),
            ):
                hits.setdefault(name, []).append(p <= ALPHA)
        return {name: float(np.concatenate(rows).mean()) for name, rows in hits.items()}

    return cell


def paired_populations() -> Mapping[str, tuple[Draw, float]]:
    """Name → paired differences of changes, which lie from −2 to 2, and their mean."""
    one = beta(2 / 3, 0.4)
    return {
        "one in five differs": differences(),
        "one in twenty differs": differences(0.03, 0.05),
        "one in fifty differs": differences(0.02, 0.02),
        "each differs, alike in the mean": (lambda random, shape: one(random, shape) - one(random, shape), 0.0),
    }


def paired_cell(draw: Draw, mean: float, concepts: int) -> Cell:
    """Shares of claims of a difference that pass, by t and by its range: false ones, and true by `APART`."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        hits: dict[str, list[Floats]] = {}
        for _ in range(OF_SMALL // PART):
            sample = draw(random, (PART, concepts))
            by_t, by_range = estimate(sample), BoundedMean(sample, np.ones_like(sample), -2.0, 2.0)
            for name, p in (
                ("t: above", p_above(by_t, mean)),
                ("t: below", p_below(by_t, mean)),
                ("range: above", by_range.p_above(mean, RESAMPLES)),
                ("range: below", by_range.p_below(mean, RESAMPLES)),
                (f"t: true by {APART:g}", p_above(by_t, mean - APART)),
                (f"range: true by {APART:g}", by_range.p_above(mean - APART, RESAMPLES)),
            ):
                hits.setdefault(name, []).append(p <= ALPHA)
        return {name: float(np.concatenate(rows).mean()) for name, rows in hits.items()}

    return cell


@dataclass(frozen=True)
class Subject:
    """A population that a claim is about, its mean and the variance of one concept."""

    draw: Draw
    mean: float
    variance: float

    def reach(self, concepts: int, power: float) -> float:
        """The distance of a bound from the truth that a plan for the whole file sees; the test is one-sided."""
        return detectable_difference(PairedVariance(self.variance), concepts, alpha=2 * ALPHA / CLAIMS, power=power)

    def pvalue(self, random: np.random.Generator, concepts: int, kind: str, reach: float) -> Floats:
        """p-values of a claim whose bound lies so far from the truth; 0: on it, so that the claim is false."""
        found = estimate(self.draw(random, (OF_FILES, concepts)))
        if kind == "parity":  # the truth is on the margin, or in its middle
            gap = found.shift(self.mean if reach else self.mean - MEAN)
            return p_within(gap, reach or MEAN)
        return p_above(found, self.mean - reach)


def subject(draw: Draw, mean: float) -> Subject:
    """A population with the variance of its concepts."""
    sample = draw(np.random.default_rng(0), (200_000,))
    return Subject(draw, mean, float(sample.var()))


KINDS = ("order", "margin", "parity", "threshold", "capacity")
PLANNED = {"order": 0.8, "margin": 0.8, "parity": 0.9, "threshold": 0.9, "capacity": 0.98}  # power of each test's plan:
# parity and capacity are two tests each, and the correction for skewness costs values near 0 and 1 some of it


def file_cell(concepts: int, *, false: int) -> Cell:
    """Files of twenty claims, four of each kind, of which the first `false` of each are false."""
    named = populations()
    paired, sources, holdout = (
        subject(*differences()),
        subject(*named["two of three succeed"]),
        subject(*named["bystanders lose 0.15"]),
    )

    def pvalues(random: np.random.Generator, kind: str, *, true: bool) -> Floats:
        power = PLANNED[kind]
        if kind == "capacity":  # one half alone fails where the claim is false; both must hold
            halves = [
                each.pvalue(random, concepts, kind, each.reach(concepts, power) if true or each is sources else 0.0)
                for each in (sources, holdout)
            ]
            return np.maximum(*halves)
        about = sources if kind == "threshold" else paired
        return about.pvalue(random, concepts, kind, about.reach(concepts, power) if true else 0.0)

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        of_claims = {
            (kind, place): pvalues(random, kind, true=place >= false) for kind in KINDS for place in range(CLAIMS // 5)
        }
        table = np.array(list(of_claims.values())).T  # (files, claims)
        passed = np.array([[p is not None and p <= ALPHA for p in holm(row.tolist())] for row in table])
        wrong = np.array([place < false for _, place in of_claims])
        found = {"any false claim": float(passed[:, wrong].any(axis=1).mean())} if false else {}
        for kind in KINDS if not wrong.all() else ():
            mine = np.array([each == kind for each, _ in of_claims]) & ~wrong
            found[f"true: {kind}"] = float(passed[:, mine].mean())
        return found

    return cell


def main() -> None:
    """Compute the cells that are not done."""
    drawn = {"difference of two methods": differences(), **populations()}
    run_cells(SINGLE, {f"{name}, {size}": single_cell(*each, size) for name, each in drawn.items() for size in SIZES})
    single: dict[str, tuple[Draw | None, float]] = {**populations(), "requests that share destinations": (None, 0.5)}
    run_cells(SMALL, {f"{name}, {size}": small_cell(*each, size) for name, each in single.items() for size in FEW})
    both = paired_populations()
    run_cells(PAIRED, {f"{name}, {size}": paired_cell(*each, size) for name, each in both.items() for size in FEW})
    shares = {"all false": 4, "half false": 2, "all true": 0}
    run_cells(
        FILES, {f"{name}, {size}": file_cell(size, false=false) for name, false in shares.items() for size in LARGE}
    )


if __name__ == "__main__":
    main()

"""Plan a comparison: how many concepts or seeds it needs, and which difference it detects.

Power of the two-sided t test by the noncentral t distribution (Lehmann and Romano 2005, section 5.3), of paired
differences whose variance is taken from a pilot: V = concept / C + seed / S + fixed, where C concepts are edited with S
seeds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from iceb.statistics.clusters import satterthwaite

ALPHA, POWER = 0.05, 0.8  # level of the test; probability that it sees the difference
FEWEST_PLANNED = 10  # concepts: with fewer there is no test
MOST_PLANNED = 10_000_000
SURE, SURE_FREEDOM = 10, 8  # so far beyond the critical value a noncentral t is certain, and scipy's formula fails


@dataclass(frozen=True, slots=True)
class PairedVariance:
    """Variance of a paired difference, by where it comes from.

    Attributes:
        concept: of a single concept's difference, seeds averaged.
        seed: of a single seed's mean difference, beyond what concepts make of it; 0 for methods without chance.
        fixed: what neither makes smaller: the scatter of prompts that stay the same, such as classes left alone.
    """

    concept: float
    seed: float = 0.0
    fixed: float = 0.0

    def error(self, concepts: int, seeds: int = 1) -> float:
        """Standard error of the difference."""
        return math.sqrt(self.concept / concepts + self.seed / seeds + self.fixed)

    def freedom(self, concepts: int, seeds: int = 1) -> float:
        """Degrees of freedom of that error; a single seed's variance is taken from the pilot and as known."""
        over_seeds = (self.seed / seeds, seeds - 1.0) if seeds > 1 else (0.0, 1.0)
        over_concepts = (self.concept / concepts + self.fixed, concepts - 1.0)
        return float(satterthwaite(over_concepts, over_seeds))


def power_of_t(difference: float, error: float, freedom: float, alpha: float = ALPHA) -> float:
    """Probability that a two-sided t test sees a difference.

    >>> round(power_of_t(0.5, 0.25, 15.0), 4)
    0.4649
    """
    from scipy.special import stdtrit
    from scipy.stats import nct

    if error == 0:
        return 1.0 if difference else alpha
    critical, centre = float(stdtrit(freedom, 1 - alpha / 2)), abs(difference) / error
    if freedom >= SURE_FREEDOM and centre > critical + SURE:
        return 1.0
    upper, lower = float(nct.sf(critical, freedom, centre)), float(nct.cdf(-critical, freedom, centre))
    return upper if math.isnan(lower) else upper + lower  # scipy has no number for a tail as small as 1e-25


def concepts_needed(
    difference: float, variance: PairedVariance, seeds: int = 1, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """The fewest concepts, at least ten, that see a difference; None where seeds alone hide it."""
    return _fewest(
        lambda count: power_of_t(difference, variance.error(count, seeds), variance.freedom(count, seeds), alpha),
        FEWEST_PLANNED,
        power,
    )


def seeds_needed(
    difference: float, variance: PairedVariance, concepts: int, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """The fewest seeds with which so many concepts see a difference; None where concepts alone hide it."""
    return _fewest(
        lambda seeds: power_of_t(difference, variance.error(concepts, seeds), variance.freedom(concepts, seeds), alpha),
        1,
        power,
        most=10_000,
    )


def detectable_difference(
    variance: PairedVariance, concepts: int, seeds: int = 1, alpha: float = ALPHA, power: float = POWER
) -> float:
    """The smallest difference that so many concepts and seeds see, to a relative 1e-9."""
    error, freedom = variance.error(concepts, seeds), variance.freedom(concepts, seeds)
    low, high = 0.0, error or 1.0
    while power_of_t(high, error, freedom, alpha) < power:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if power_of_t(middle, error, freedom, alpha) >= power else (middle, high)
    return high if error else 0.0


def _fewest(power_of: Callable[[int], float], least: int, power: float, most: int = MOST_PLANNED) -> int | None:
    """The smallest number whose power suffices, by doubling and halving; power grows with the number."""
    if power_of(least) >= power:
        return least
    low, high = least, 2 * least
    while power_of(high) < power:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high

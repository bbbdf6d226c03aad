"""Numbers read off a score against the number of edits: how many concepts can be edited at once.

The capacity score is the lower of two scores, how well the edits work and how much else they leave alone, each placed
so that 1 is best, and counted within [0, 1]. A curve is that score at measured numbers of edits; between two of them it
runs on a straight line over the logarithm of the number of edits, and beyond them nothing is said. Every function
takes curves along the last axis, (…, K), so that resampled curves go through at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.statistics.clusters import Floats

Places: TypeAlias = npt.NDArray[np.intp]

NOWHERE, BEYOND = 0.0, math.inf  # a capacity below the smallest measured number, or not below the largest
ROOM = 1 + 1e-9  # of rounding to whole numbers, so that last bits do not matter


def capacity_scores(efficacy: Floats, preservation: Floats) -> Floats:
    """The lower of the two scores, counted within [0, 1].

    >>> capacity_scores(np.array([0.9, 0.4, -0.1]), np.array([1.2, 0.8, 0.5])).tolist()
    [0.9, 0.4, 0.0]
    """
    return np.clip(np.minimum(efficacy, preservation), 0.0, 1.0)


def capacities(counts: Sequence[float], scores: Floats, level: float) -> Floats:
    """The largest number of edits at which the score is at least `level`, (…, K) → (…).

    0 where it is so at no measured number, infinite where it is so at the largest. A curve that is nowhere below
    another one has no smaller capacity.

    >>> capacities([1, 10, 100], np.array([[1.0, 0.75, 0.25], [0.4, 0.3, 0.2], [0.2, 0.1, 0.5]]), 0.5).round(6).tolist()
    [31.622777, 0.0, inf]
    """
    held = scores >= level
    places = np.arange(scores.shape[-1])
    last = np.where(held, places, -1).max(axis=-1)
    low, high = np.maximum(last, 0), np.minimum(last + 1, len(places) - 1)
    found = _crossings(np.asarray(counts, dtype=np.float64), scores, low, high, np.asarray(level))
    return np.where(last < 0, NOWHERE, np.where(last == len(places) - 1, BEYOND, found))


def areas(counts: Sequence[float], scores: Floats) -> Floats:
    """The mean of the score over the logarithm of the number of edits, (…, K) → (…).

    It lies in [0, 1], and is a constant curve's constant; of a falling curve it is also the mean over all levels of how
    far its capacity lies along that axis.

    >>> areas([1, 10, 100], np.array([1.0, 1.0, 0.0])).tolist()
    0.75

    Raises:
        ValueError: there is one number of edits, over which nothing can be averaged.
    """
    logs = np.log(np.asarray(counts, dtype=np.float64))
    if len(logs) < 2:
        raise ValueError(f"one number of edits ({counts[0]:g}) spans no area: give two or more")
    found: Floats = ((scores[..., 1:] + scores[..., :-1]) / 2 * np.diff(logs)).sum(axis=-1) / (logs[-1] - logs[0])
    return found


def half_lives(counts: Sequence[float], scores: Floats) -> Floats:
    """The first number of edits at which the score is down to half of its first value, (…, K) → (…).

    Infinite where it stays above, NaN where it is 0 at the smallest number.

    >>> half_lives([1, 10, 100], np.array([[0.8, 0.6, 0.2], [0.8, 0.8, 0.5], [0.0, 0.1, 0.1]])).round(6).tolist()
    [31.622777, inf, nan]
    """
    start = scores[..., :1]
    fallen = scores <= start / 2
    first = fallen.argmax(axis=-1)
    found = _crossings(np.asarray(counts, dtype=np.float64), scores, np.maximum(first - 1, 0), first, start[..., 0] / 2)
    return np.where(start[..., 0] <= 0, np.nan, np.where(fallen.any(axis=-1), found, BEYOND))


def _crossings(counts: Floats, scores: Floats, low: Places, high: Places, level: Floats) -> Floats:
    """The numbers of edits at which a falling line between two places passes a level."""
    upper, lower = (np.take_along_axis(scores, each[..., None], axis=-1)[..., 0] for each in (low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(upper > lower, (upper - level) / (upper - lower), 0.0)
    ratio = counts[high] / counts[low]
    found: Floats = np.where(share == 1, counts[high], counts[low] * ratio**share)  # exact at both ends
    return found


@dataclass(frozen=True, slots=True)
class EditRange:
    """A number of edits, as far as the measured ones tell it.

    Attributes:
        least: 0 where it is only known to be below `most`.
        most: infinite where it is only known to be at least `least`.
    """

    least: float
    most: float

    @property
    def exact(self) -> float | None:
        """The number itself, where it is known."""
        return self.least if self.least == self.most else None

    def text(self, *, up: bool = False) -> str:
        """The range in whole edits, rounded down, or up.

        >>> EditRange(43.7, 43.7).text(), EditRange(43.7, 43.7).text(up=True), EditRange(300, math.inf).text()
        ('43', '44', '≥ 300')
        >>> EditRange(0, 10).text(), EditRange(100, 300).text()
        ('< 10', '100 to 300')
        """
        least, most = (_whole(each, up) for each in (self.least, self.most))
        if self.least == self.most:
            return least
        if self.most == BEYOND:
            return f"≥ {least}"
        return f"< {most}" if self.least == NOWHERE else f"{least} to {most}"


def _whole(number: float, up: bool) -> str:
    if not math.isfinite(number):
        return ""
    return str(math.ceil(number / ROOM) if up else math.floor(number * ROOM))


@dataclass(frozen=True)
class Curve:
    """The measured numbers of edits of one curve, and between which of them it is not known.

    Attributes:
        counts: ascending.
        gaps: numbers of edits that were to be measured too and were not; no number is read off between their
            neighbours.
    """

    counts: tuple[int, ...]
    gaps: tuple[int, ...] = ()

    def range_of(self, number: float) -> EditRange:
        """The range in which a number that was read off the curve is known to lie."""
        if number == NOWHERE:
            return EditRange(NOWHERE, self.counts[0])
        if number == BEYOND:
            return EditRange(self.counts[-1], BEYOND)
        below = max((each for each in self.counts if each <= number * ROOM), default=self.counts[0])
        above = min((each for each in self.counts if each * ROOM >= number), default=self.counts[-1])
        if any(below < gap < above for gap in self.gaps):
            return EditRange(below, above)
        return EditRange(number, number)

    def ends(self, low: float, high: float) -> tuple[EditRange, EditRange]:
        """The ends of an interval; one that falls into a gap moves to the gap's outer edge."""
        lower, upper = self.range_of(low), self.range_of(high)
        if low not in (NOWHERE, BEYOND):
            lower = EditRange(lower.least, lower.least)
        if high not in (NOWHERE, BEYOND):
            upper = EditRange(upper.most, upper.most)
        return lower, upper

"""Harmonic and geometric means over a metric's parts, and their standard error by the delta method.

Sizes: one mean change and one weight for each part.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from iceb.statistics.errors_of_means import MeanError, PartSums, Sides, error_of_mean

Power: TypeAlias = Literal["harmonic", "geometric"]


@dataclass(frozen=True, slots=True)
class MeanOfParts:
    """A mean over parts.

    Attributes:
        value: None where a part is below 0.
        error: None where there is no value, and where a part is 0, so that the mean has no linear error.
        note: why one of them is missing.
    """

    value: float | None
    error: MeanError | None
    note: str = ""


def power_mean(power: Power, numbers: Sequence[float], weights: Sequence[float]) -> float | None:
    """The weighted harmonic or geometric mean: 0 where a number is 0, None where one is below.

    >>> power_mean("harmonic", [1.0, 0.5], [1.0, 1.0]), power_mean("geometric", [0.25, 1.0], [1.0, 1.0])
    (0.6666666666666666, 0.5)
    """
    if min(numbers) <= 0:
        return None if min(numbers) < 0 else 0.0
    total = math.fsum(weights)
    if power == "harmonic":
        return total / math.fsum(weight / number for number, weight in zip(numbers, weights, strict=True))
    return math.exp(math.fsum(w * math.log(number) for number, w in zip(numbers, weights, strict=True)) / total)


def gradient(power: Power, numbers: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Derivatives of the mean by each number; all numbers must be above 0.

    >>> gradient("harmonic", [0.5, 0.5], [1.0, 3.0])
    [0.25, 0.75]
    """
    mean, total = power_mean(power, numbers, weights) or 0.0, math.fsum(weights)
    exponent = 2 if power == "harmonic" else 1
    return [weight / total * (mean / number) ** exponent for number, weight in zip(numbers, weights, strict=True)]


def mean_of_parts(power: Power, parts: Mapping[str, PartSums]) -> MeanOfParts:
    """The mean of the parts' mean changes, with its error.

    To first order the mean is the sum of the parts' means, each weighted by its derivative, so the error is that of
    this sum: concepts and states that several parts share pull on all of them at once.

    Args:
        parts: by name; their weights are above 0.
    """
    means, weights = [part.mean for part in parts.values()], [part.weight for part in parts.values()]
    value = power_mean(power, means, weights)
    if lowest := [name for name, mean in zip(parts, means, strict=True) if mean <= 0]:
        name = lowest[0] if value == 0 else min(zip(means, parts, strict=True))[1]
        if value is None:
            return MeanOfParts(None, None, f"no {power} mean: part {name} is {min(means):.3g}, below 0")
        return MeanOfParts(value, None, f"part {name} is 0, and with it the {power} mean, which has no error there")
    slopes = gradient(power, means, weights)
    linear = [replace(part, weight=slope) for part, slope in zip(parts.values(), slopes, strict=True)]
    return MeanOfParts(value, error_of_mean(linear))


def mean_of_sides(power: Power, parts: Sequence[PartSums]) -> Sides:
    """The means of the parts' statistics before and after; None where a part lacks one or is below 0."""
    weights = [part.weight for part in parts]
    return (
        _mean_of_known(power, [part.side(part.before) for part in parts], weights),
        _mean_of_known(power, [part.side(part.after) for part in parts], weights),
    )


def _mean_of_known(power: Power, numbers: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [number for number in numbers if number is not None]
    return power_mean(power, known, weights) if len(known) == len(numbers) else None

"""Divide the mean of one part by that of another: a share among the images that count.

A quotient R = A / B of two means over the same concepts is, to first order, the mean of R + (a − R b) / B over them
(a, b: a concept's two statistics). So each concept gets this number: the mean is R exactly, and the scatter is that of
the linearised ratio (Cochran, Sampling Techniques, 1977, section 6.4).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from iceb.base.errors import SpecError
from iceb.specs.reduction import Part, Reduction
from iceb.statistics.errors_of_means import PartSums


def divide_parts(sums: Mapping[str, PartSums], reduction: Reduction) -> tuple[dict[str, PartSums], str]:
    """The parts without those that divide others, and why there is no quotient; "" where there is.

    Raises:
        SpecError: a part and the one that divides it are not of the same concepts.
    """
    found = {name: part for name, part in sums.items() if name not in reduction.divisors}
    for name, part in reduction.parts.items():
        if not part.over or not sums[name].weights:
            continue
        if (sums[name].concepts, sums[name].weights) != (sums[part.over].concepts, sums[part.over].weights):
            raise SpecError(f"part {name} is over {part.over}: both must have the same concepts and numbers of images")
        if sums[part.over].mean == 0:
            return found, f"no quotient: part {part.over} is 0"
        found[name] = _quotient(sums[name], sums[part.over], part)
    return found, ""


def _quotient(numbers: PartSums, over: PartSums, part: Part) -> PartSums:
    """The part whose concepts have the linearised quotient, counted as the part says."""
    divisor = over.mean
    ratio = numbers.mean / divisor
    changes = [
        part.quantity(ratio + (number - ratio * below) / divisor)
        for number, below in zip(numbers.changes, over.changes, strict=True)
    ]
    sides = (_side(numbers, each, part) for each in ((numbers.before, over.before), (numbers.after, over.after)))
    before, after = sides
    return replace(numbers, changes=changes, before=before, after=after)


def _side(numbers: PartSums, sums: tuple[Sequence[float], Sequence[float]], part: Part) -> list[float]:
    """The quotient of one side for every concept, times its weight; empty where that side has none."""
    above, below = map(math.fsum, sums)
    if not below or len(sums[0]) != len(numbers.weights) or len(sums[1]) != len(numbers.weights):
        return []
    return [weight * part.quantity(above / below) for weight in numbers.weights]

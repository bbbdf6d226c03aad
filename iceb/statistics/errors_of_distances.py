"""Standard error of a distance between image sets, from halves of concepts and states of the model.

Halves hold every image once. Concepts drawn with replacement hold some twice, and sets that repeat images lie farther
apart, by an amount that differs from draw to draw.
"""

import math
from collections.abc import Sequence


def error_of_distance(whole: Sequence[float], halves: Sequence[Sequence[float]]) -> float:
    """The standard error of the mean of one distance at each state of the model.

    V = V_concept + V_state - V_both, at least the larger of the first two, as for means over concepts. V_concept is
    that of the mean over states, V_state that between states divided by their number, V_both what concepts make of it.

    Args:
        whole: the distance at each state.
        halves: the same on halves of the concepts, for each state: a half, the rest, another half, its rest, …
    """
    count = len(whole)
    means = [math.fsum(states) / count for states in zip(*halves, strict=True)]
    concepts = variance_of_halves(means)
    if count == 1:
        return math.sqrt(concepts)
    mean = math.fsum(whole) / count
    states = math.fsum((each - mean) ** 2 for each in whole) / (count - 1) / count
    apart = [[half - middle for half, middle in zip(state, means, strict=True)] for state in halves]
    both = math.fsum(map(variance_of_halves, apart)) / (count - 1) / count
    return math.sqrt(max(concepts + states - both, concepts, states))


def variance_of_halves(values: Sequence[float]) -> float:
    """Variance over concepts of a statistic, from its values on random halves and their complements.

    Minus their covariance. Of a mean this is the delete-half jackknife (Shao and Wu 1989): what one half has above the
    mean, the other has below. A distance between sets of one kind is quadratic in its concepts, and the jackknife gives
    three times its variance; the covariance gives the variance itself, because halves are independent and each has the
    statistic on all concepts as its mean over splits. It may fall below 0 by chance, so a fifth of
    the jackknife's is the least: a third, what it is there on average, would raise the error by a tenth and more.

    >>> variance_of_halves([0.0, 2.0, 2.0, 0.0])
    1.0
    """
    mean = math.fsum(values) / len(values)
    apart = [value - mean for value in values]
    opposed = -2 * math.fsum(one * other for one, other in zip(apart[::2], apart[1::2], strict=True)) / len(values)
    return max(opposed, math.fsum(each**2 for each in apart) / len(values) / 5)

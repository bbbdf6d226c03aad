"""Confidence intervals of means over concepts, and effective numbers of clusters."""

import math
from collections.abc import Iterable

FEWEST = 10  # effective concepts; intervals from fewer would cover less than 95 %
LEVEL = 0.95  # confidence level of intervals
EQUAL = 1e-12  # a standard error against its value, below which all concepts have the same number
ROUNDING = 1 + 1e-9  # tolerance of comparisons, so that last bits do not matter


def effective_number(weights: Iterable[float]) -> float:
    """Effective number of clusters behind a weighted mean: (Σw)² / Σw² (Kish 1965).

    >>> effective_number([3.0] * 10)
    10.0
    >>> round(effective_number([100.0] + [1.0] * 9), 2)
    1.19
    """
    known = list(weights)
    squares = math.fsum(weight**2 for weight in known)
    return math.fsum(known) ** 2 / squares if squares else 0.0


def effective_count(weights: Iterable[float]) -> int:
    """`effective_number`, rounded down.

    >>> effective_count([3.0] * 9 + [2.0]), effective_count([0.1] * 10)
    (9, 10)
    """
    return int(effective_number(weights) * ROUNDING)


def scatters(value: float, stderr: float | None) -> bool:
    """Whether concepts differ at all, by an error that is more than the last bits of the value.

    >>> scatters(1.0, 1e-17), scatters(1.0, 0.001), scatters(1.0, None)
    (False, True, False)
    """
    return stderr is not None and stderr > EQUAL * max(1.0, abs(value))


def interval(
    value: float, stderr: float | None, freedom: float, concepts: float, level: float = LEVEL
) -> tuple[float | None, float | None]:
    """Student's t interval of a mean over concepts (Student 1908); (None, None) below ten effective ones.

    >>> interval(0.0, 0.0, 30.0, 31)
    (0.0, 0.0)
    >>> interval(0.5, 0.1, 8.0, 9)
    (None, None)
    """
    if stderr is None or concepts * ROUNDING < FEWEST:
        return None, None
    from scipy.special import stdtrit  # imported late: light commands do without scipy

    reach = float(stdtrit(freedom, (1 + level) / 2)) * stderr
    return value - reach, value + reach

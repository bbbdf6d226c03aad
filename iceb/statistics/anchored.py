"""Scores on a fixed scale: 0 is the unedited model, 1 the ceiling.

The two anchors are references, never contenders. So a contender's score follows from its own numbers alone: adding a
method moves nobody's, and whoever is better in every metric ranks higher. Scaling by the least and the largest row,
as some leaderboards do, has neither property.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anchors:
    """One metric's fixed points.

    Attributes:
        floor: the unedited model's value.
        ceiling: the value of the best that can be had, by a control or by definition.
    """

    floor: float
    ceiling: float

    @property
    def usable(self) -> bool:
        """Whether they differ, so that there is a scale."""
        return math.isfinite(self.floor) and math.isfinite(self.ceiling) and self.floor != self.ceiling


def anchored_score(value: float, anchors: Anchors) -> float:
    """Place a value between its anchors; whichever direction is better, more is better here.

    >>> anchored_score(0.25, Anchors(0.0, 0.5)), anchored_score(0.25, Anchors(1.0, 0.0))
    (0.5, 0.75)

    Raises:
        ValueError: the anchors are equal, so that there is no scale.
    """
    if not anchors.usable:
        raise ValueError(f"anchors {anchors.floor:g} and {anchors.ceiling:g} make no scale: they must differ")
    return (value - anchors.floor) / (anchors.ceiling - anchors.floor)

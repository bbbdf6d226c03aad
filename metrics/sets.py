"""Distances between sets of images, over all concepts at once, with an error from halves of them.

A distance of sets has no value per concept. Its part "value" holds the distance itself, its part "resample" the same on
random halves of the concepts, from which the standard error follows (iceb.statistics.errors_of_distances). Their mean
is no estimate of the distance: Fréchet's is too large by an amount that depends on the number of images.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import RESAMPLE, VALUE, ConceptValue, Reduction, set_reduction
from iceb.statistics.estimates import effective_count

Features: TypeAlias = npt.NDArray[np.float64]  # (N, width)
Distance: TypeAlias = Callable[[Features, Features], float]
Places: TypeAlias = npt.NDArray[np.int64]  # of rows
ALL = "all"  # the concept of a value that is taken over all of them
FEWEST = 2  # images of a set
ROWS = 1024  # images whose kernel with all others is held at once


@dataclass(frozen=True)
class SetDistance:
    """Distance of one role's images to a reference, before and after the edit, by checkpoint.

    Attributes:
        name: the registered name.
        distance: of two feature matrices (N, width) and (M, width), for example `frechet_distance`.
        measure: the kind of measure that makes the features.
        role: of the prompts.
        reference: the side to compare with, "reference:NAME"; "before" for how far the edit moves the images.
        version: 2 since distances are taken at each checkpoint and errors from halves.
        splits: of the concepts into two halves.
        seed: of the splits.
    """

    name: str
    distance: Distance
    measure: str
    role: str
    reference: str = BEFORE
    version: int = 2
    unit: str = "distance"
    paper: str = ""
    higher_is_better: bool = False
    splits: int = 50
    seed: int = 0

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        sides = (BEFORE, AFTER) if self.reference == BEFORE else (BEFORE, AFTER, self.reference)
        return (Need(self.measure, self.role, sides),)

    @property
    def reduction(self) -> Reduction:
        """The rise of the distance to a reference; or the distance itself, to the images before."""
        return set_reduction("after" if self.reference == BEFORE else "rise")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The distance, and its values on halves of the concepts; none with fewer than two images.

        Raises:
            MeasureError: a distance is not finite.
        """
        sides = measured[self.role]
        before, after = sides[BEFORE], sides[AFTER]
        if min(len(side.values) for side in sides.values()) < FEWEST:
            return ()
        clusters = _clusters(after.prompts)
        values = [self._value(VALUE, sides, np.arange(len(before.values)), len(after.values), 0)]
        sizes = sorted(map(len, clusters.values()))
        if sum(sizes[: len(sizes) // 2]) < FEWEST:
            return tuple(values)
        for replicate, rows in enumerate(_halves(clusters, self.splits, self.seed)):
            values.append(self._value(RESAMPLE, sides, rows, effective_count(sizes), replicate))
        return tuple(values)

    def _value(self, part: str, sides: Any, rows: Places, n: int, replicate: int) -> ConceptValue:
        before, after = (_features(sides[side], rows) for side in (BEFORE, AFTER))
        if self.reference == BEFORE:
            return ConceptValue(ALL, part, None, self._distance(before, after), n, replicate)
        reference = sides[self.reference].values.astype(np.float64)
        old, new = self._distance(before, reference), self._distance(after, reference)
        return ConceptValue(ALL, part, old, new, n, replicate)

    def _distance(self, first: Features, second: Features) -> float:
        found = float(self.distance(first, second))
        if not np.isfinite(found):
            raise MeasureError(f"metric {self.name} gave {found} for {len(first)} and {len(second)} images")
        return found


def _features(side: Measured, rows: Places) -> Features:
    found: Features = side.values[rows].astype(np.float64)
    return found


def _clusters(prompts: Sequence[Prompt]) -> dict[str, Places]:
    """The rows of each concept, in order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault(prompt.cluster, []).append(row)
    return {cluster: np.asarray(members) for cluster, members in rows.items()}


def _halves(clusters: Mapping[str, Places], splits: int, seed: int) -> Iterator[Places]:
    """The rows of a random half of the concepts and those of the rest, split by split.

    A concept's numbers follow from its name, so that checkpoints with the same concepts are split alike.
    """
    names = [int.from_bytes(hashlib.sha256(cluster.encode()).digest()[:8], "big") for cluster in clusters]
    ranks = np.stack([np.random.default_rng([seed, name]).random(splits) for name in names])  # (concepts, splits)
    rows = list(clusters.values())
    for order in ranks.argsort(axis=0).T:
        for half in (order[: len(rows) // 2], order[len(rows) // 2 :]):
            yield np.concatenate([rows[place] for place in half])


def frechet_distance(first: Features, second: Features) -> float:
    """Fréchet distance of two Gaussians fitted to features (arXiv:1706.08500, equation 6).

    |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), with unbiased covariances, in float64. The trace of the root is the sum of
    the singular values of C₁^½ C₂^½, which are those of X Yᵀ / √((N − 1) (M − 1)) for the centred features X and Y.

    Args:
        first: (N, width), N ≥ 2.
        second: (M, width), M ≥ 2.

    >>> rows = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(frechet_distance(rows, rows + [3.0, 4.0]), 9)
    25.0
    """
    gap = first.mean(axis=0) - second.mean(axis=0)
    X, Y = ((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1) for rows in (first, second))
    traces = (X**2).sum() + (Y**2).sum()
    if min(len(X), len(Y)) > X.shape[1]:  # triangles of the same products are smaller
        X, Y = (np.linalg.qr(rows, mode="r") for rows in (X, Y))
    return float(gap @ gap + traces - 2 * np.linalg.svd(X @ Y.T, compute_uv=False).sum())


def kernel_distance(first: Features, second: Features) -> float:
    """Unbiased squared maximum mean discrepancy, kernel (x·y / width + 1)³ (KID, arXiv:1801.01401).

    Args:
        first: (N, width), N ≥ 2.
        second: (M, width), M ≥ 2.

    >>> rows = np.eye(3)
    >>> kernel_distance(rows, rows + 1.0) > kernel_distance(rows, rows)
    True
    """

    within = [
        (_kernel_sum(rows, rows) - _kernel_trace(rows)) / (len(rows) * (len(rows) - 1)) for rows in (first, second)
    ]
    return float(within[0] + within[1] - 2 * _kernel_sum(first, second) / (len(first) * len(second)))


def _kernel_sum(first: Features, second: Features) -> float:
    """The sum of the kernel over all pairs, by blocks: of 30 000 images the whole matrix would take 7 GB."""
    sums = []
    for start in range(0, len(first), ROWS):
        base = first[start : start + ROWS] @ second.T / first.shape[1] + 1
        sums.append((base * base * base).sum())  # many times as fast as a power
    return math.fsum(sums)


def _kernel_trace(rows: Features) -> float:
    return float((((rows * rows).sum(axis=1) / rows.shape[1] + 1) ** 3).sum())

"""Distances between sets of images: taken over all concepts at once, with an error by resampling concepts.

A distance of sets has no value per concept. Its part "value" holds the distance itself, its part "bootstrap" the same
on concepts drawn with replacement: their spread is the standard error. Their mean is no estimate of the distance: sets
that repeat images lie farther apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import BOOTSTRAP, VALUE, ConceptValue, Reduction, set_reduction

Features: TypeAlias = npt.NDArray[np.float64]  # (N, width)
Distance: TypeAlias = Callable[[Features, Features], float]
ALL = "all"  # the concept of a value that is taken over all of them
FEWEST = 2  # images of a set


@dataclass(frozen=True)
class SetDistance:
    """How far the images of one role lie from a reference, before the edit and after it.

    Attributes:
        name: the registered name.
        distance: of two feature matrices (N, width) and (M, width), for example `frechet_distance`.
        measure: the kind of measure that makes the features.
        role: of the prompts.
        reference: the side to compare with, "reference:NAME"; "before" for how far the edit moves the images.
        draws: resampled sets of concepts.
        seed: of the resampling.
    """

    name: str
    distance: Distance
    measure: str
    role: str
    reference: str = BEFORE
    version: int = 1
    unit: str = "distance"
    paper: str = ""
    higher_is_better: bool = False
    draws: int = 100
    seed: int = 0

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images it reads."""
        sides = (BEFORE, AFTER) if self.reference == BEFORE else (BEFORE, AFTER, self.reference)
        return (Need(self.measure, self.role, sides),)

    @property
    def reduction(self) -> Reduction:
        """The rise of the distance to a reference; the distance itself, where the images before are the reference."""
        return set_reduction("after" if self.reference == BEFORE else "rise")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The distance, and the same on resampled concepts; nothing where a set has fewer than two images.

        Raises:
            MeasureError: a distance is not finite.
        """
        sides = measured[self.role]
        before, after = sides[BEFORE], sides[AFTER]
        if min(len(side.values) for side in sides.values()) < FEWEST:
            return ()
        clusters = _clusters(after.prompts)
        values = [self._value(VALUE, sides, np.arange(len(before.values)), len(after.values), 0)]
        generator = np.random.default_rng(self.seed)
        for draw in range(self.draws if len(clusters) > 1 else 0):
            chosen = generator.integers(len(clusters), size=len(clusters))
            rows = np.concatenate([clusters[place] for place in chosen])
            values.append(self._value(BOOTSTRAP, sides, rows, len(clusters), draw))
        return tuple(values)

    def _value(self, part: str, sides: Any, rows: npt.NDArray[np.int64], n: int, replicate: int) -> ConceptValue:
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


def _features(side: Measured, rows: npt.NDArray[np.int64]) -> Features:
    found: Features = side.values[rows].astype(np.float64)
    return found


def _clusters(prompts: Sequence[Prompt]) -> list[npt.NDArray[np.int64]]:
    """The rows of each concept, in order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault(prompt.cluster, []).append(row)
    return [np.asarray(members) for members in rows.values()]


def frechet_distance(first: Features, second: Features) -> float:
    """The Fréchet distance of two Gaussians fitted to features (Heusel et al., arXiv:1706.08500, equation 6).

    |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), with unbiased covariances, in float64. The trace of the root is the sum of
    the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric.

    Args:
        first: (N, width), N ≥ 2.
        second: (M, width), M ≥ 2.

    >>> rows = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(frechet_distance(rows, rows + [3.0, 4.0]), 9)
    25.0
    """
    gap = first.mean(axis=0) - second.mean(axis=0)
    C1, C2 = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    values, vectors = np.linalg.eigh(C1)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ C2 @ root).clip(min=0)
    return float(gap @ gap + np.trace(C1) + np.trace(C2) - 2 * np.sqrt(cross).sum())


def kernel_distance(first: Features, second: Features) -> float:
    """The unbiased squared maximum mean discrepancy with the kernel (x·y / width + 1)³ (KID, arXiv:1801.01401).

    Args:
        first: (N, width), N ≥ 2.
        second: (M, width), M ≥ 2.

    >>> rows = np.eye(3)
    >>> kernel_distance(rows, rows + 1.0) > kernel_distance(rows, rows)
    True
    """

    def kernel(a: Features, b: Features) -> Features:
        found: Features = (a @ b.T / a.shape[1] + 1) ** 3
        return found

    within = [(K.sum() - np.trace(K)) / (len(K) * (len(K) - 1)) for K in (kernel(first, first), kernel(second, second))]
    return float(within[0] + within[1] - 2 * kernel(first, second).mean())

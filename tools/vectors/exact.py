"""Random inputs, and matrices of 40 decimal digits."""

import random
from typing import Any, TypeAlias

from mpmath import eigsy, matrix, mp, mpf, zeros

mp.dps = 40
Rows: TypeAlias = list[list[float]]
Case: TypeAlias = dict[str, Any]


class Numbers:
    """Reproducible random numbers of four decimals."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def rows(self, count: int, width: int, scale: float = 1.0) -> Rows:
        """(count, width), standard normal times `scale`."""
        return [[round(scale * self._draw.gauss(0, 1), 4) for _ in range(width)] for _ in range(count)]


def exact(rows: Rows) -> Any:
    """Convert rows to a matrix of 40 digits."""
    return matrix([[mpf(number) for number in row] for row in rows])


def to_float64(found: Any) -> Rows:
    """Round every number to the nearest float64."""
    return [[float(found[i, j]) for j in range(found.cols)] for i in range(found.rows)]


def column(row: list[float]) -> Any:
    """One row as a column vector c."""
    return matrix([mpf(number) for number in row])


def inner(A: Any, B: Any) -> Any:
    """Frobenius inner product ⟨A, B⟩."""
    return sum(A[i, j] * B[i, j] for i in range(A.rows) for j in range(A.cols))


def outer_sum(rows: Rows, others: Rows | None = None) -> Any:
    """Σ a bᵀ over paired rows; Σ a aᵀ without others."""
    total = zeros(len(rows[0]), len((others or rows)[0]))
    for a, b in zip(rows, others or rows, strict=True):
        total += column(a) * column(b).T
    return total


def null_space_projector(moment: Any, threshold: float) -> Any:
    """Projector on the eigenvectors whose eigenvalue is below the threshold, and these as columns."""
    values, vectors = eigsy((moment + moment.T) / 2)
    columns = [vectors[:, place] for place in range(len(values)) if values[place] < mpf(threshold)]
    basis = matrix([[each[i] for each in columns] for i in range(moment.rows)])
    return basis * basis.T, basis

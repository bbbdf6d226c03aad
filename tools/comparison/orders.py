"""Compare the order of methods by a score in two tables, in swaps of neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tools.comparison.both_sides import COUNTS, ORDERED, ROWS, BothSides


@dataclass(frozen=True)
class Orders:
    """The methods' orders at one number of edits."""

    num_edits: int
    metric: str
    published: tuple[str, ...]  # best first
    measured: tuple[str, ...] | None  # None where a score is missing
    blurred: frozenset[tuple[str, str]]  # pairs, in ORDERED's order, that the figure's reading cannot tell apart

    @property
    def swaps(self) -> int | None:
        """Swaps of neighbours that turn one order into the other (Kendall's distance)."""
        return None if self.measured is None else len(swapped_pairs(self.published, self.measured))

    @property
    def certain_swaps(self) -> int | None:
        """Those of them whose order the reading of the figure tells."""
        if self.measured is None:
            return None
        return sum(pair not in self.blurred for pair in swapped_pairs(self.published, self.measured))


def swapped_pairs(first: Sequence[str], second: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs that stand in another order, each as in ORDERED.

    >>> swapped_pairs(["UCE", "EMCID", "TIME", "ReFACT"], ["EMCID", "UCE", "ReFACT", "TIME"])
    [('EMCID', 'UCE'), ('TIME', 'ReFACT')]
    """
    return [
        (one, other)
        for one, other in combinations(ORDERED, 2)
        if (first.index(one) < first.index(other)) != (second.index(one) < second.index(other))
    ]


def orders(sides: BothSides, metric: str) -> list[Orders]:
    """The orders by a metric at each number of edits."""
    return [_orders(sides, metric, count) for count in COUNTS]


def _orders(sides: BothSides, metric: str, count: int) -> Orders:
    rows = {name: sides.published_row(name, count, metric) for name in ORDERED}
    printed, error = ({name: getattr(row, field) for name, row in rows.items()} for field in ("value", "uncertainty"))
    found = {name: sides.measured.mean(ROWS[name], count, metric) for name in ORDERED}
    known = {name: value for name, value in found.items() if value is not None}
    blurred = {
        (one, other)
        for one, other in combinations(ORDERED, 2)
        if abs(printed[one] - printed[other]) <= error[one] + error[other]
    }
    measured = _best_first(known) if len(known) == len(ORDERED) else None
    return Orders(count, metric, _best_first(printed), measured, frozenset(blurred))


def _best_first(scores: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(scores, key=lambda name: -scores[name]))

"""Ranks as intervals, and groups of rows that no test tells apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
import numpy.typing as npt

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RankInterval:
    """The ranks that a row may have, 1 the best.

    Attributes:
        first: one more than the rows that are proven better.
        last: the number of rows that are not proven worse.
        groups: letters of its tie groups.
    """

    first: int
    last: int
    groups: str = ""

    @property
    def text(self) -> str:
        """The interval in few characters: "2–4", or "2"."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


def rank_intervals(better: Booleans) -> list[RankInterval]:
    """Simultaneous intervals for ranks from pairwise tests (Al Mohamad, Goeman and van Zwet 2022).

    Where the tests together make an error with at most 5 % probability, so do the intervals: none then lacks its row's
    rank. Rows that are equal in truth share their ranks.

    Args:
        better: (K, K); whether row i is proven better than row j.

    >>> proven = np.array([[False, False, True], [False, False, False], [False, False, False]])
    >>> [each.text + " " + each.groups for each in rank_intervals(proven)]
    ['1–2 a', '1–3 a b', '2–3 b']
    """
    count = len(better)
    letters = [""] * count
    for number, group in enumerate(tie_groups(~(better | better.T))):
        for row in group:
            letters[row] = f"{letters[row]} {_letter(number)}".strip()
    return [
        RankInterval(1 + int(better[:, row].sum()), count - int(better[row].sum()), letters[row])
        for row in range(count)
    ]


def tie_groups(alike: Booleans) -> list[tuple[int, ...]]:
    """The maximal sets of rows of which no pair is told apart (maximal cliques; Bron and Kerbosch 1973).

    Args:
        alike: (K, K), symmetric; whether no test tells two rows apart.

    Returns:
        each group's rows in ascending order, groups in the order of their first rows.
    """
    count = len(alike)
    beside = [{other for other in range(count) if other != row and alike[row, other]} for row in range(count)]
    return sorted(tuple(sorted(group)) for group in _cliques(set(), set(range(count)), set(), beside))


def _cliques(chosen: set[int], open_rows: set[int], done: set[int], beside: Sequence[set[int]]) -> Iterator[set[int]]:
    if not open_rows:
        if not done and chosen:
            yield chosen
        return
    pivot = max(sorted(open_rows | done), key=lambda row: len(beside[row] & open_rows))
    for row in sorted(open_rows - beside[pivot]):
        yield from _cliques(chosen | {row}, open_rows & beside[row], done & beside[row], beside)
        open_rows = open_rows - {row}
        done = done | {row}


def _letter(number: int) -> str:
    """The name of a group: a … z, then a2 … z2 and so on."""
    again, place = divmod(number, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(again + 1) if again else "")
